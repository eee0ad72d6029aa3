"""Which errors a person can mend: those are told in one line, without a traceback."""


def friendly(error: Exception) -> str | None:
    """The line to print, or None for an error that is ours."""
    from agent.alerts import AlertError
    from agent.asking import CannotAsk
    from agent.doors.reading import InputError
    from agent.evidence import EvidenceError
    from agent.investigate import NotResumable
    from agent.ledger import LedgerError, UnknownInvestigation
    from agent.policy import PolicyError
    from agent.recorder import RecorderError
    from agent.settings import SettingsError
    from retrieval.embedding import EmbeddingError
    from retrieval.homes import RunbookIndexError
    from retrieval.runbooks import RunbookError
    from tools.actions.spec import ActionError
    from tools.recording import RecordingError

    known = (
        AlertError, InputError, EvidenceError, NotResumable, LedgerError, UnknownInvestigation, PolicyError, RecorderError,
        SettingsError, RunbookError, RunbookIndexError, EmbeddingError, RecordingError, CannotAsk, ActionError,
    )  # fmt: skip
    return str(error) if isinstance(error, known) else None
