"""Our own log lines without secrets: message, arguments, exception and stack, whoever wrote them."""

import logging
import traceback

from agent.redaction.cutting import cut_secrets


class RedactingFilter(logging.Filter):
    """Lets every record through, cut. On a handler it also sees the records of other loggers."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True. Arguments that do not fit their message are left out."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            message = f"{record.msg} (with arguments that do not fit)"
        record.msg, record.args = cut_secrets(message), None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip()
            record.exc_info = None  # a formatter would write it once more, uncut
        if record.exc_text:
            record.exc_text = cut_secrets(record.exc_text)
        if record.stack_info:
            record.stack_info = cut_secrets(record.stack_info)
        return True
