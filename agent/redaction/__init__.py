"""Secrets out, names masked: what every text passes before a model, a checkpoint, a report, Slack or our own logs.

``cut_secrets`` and ``cut_tokens`` (for names) cut for good; ``Masker`` replaces hosts, addresses and names and can put
them back.
"""

from agent.redaction.cutting import cut_secrets, cut_tokens
from agent.redaction.masking import Masker
from agent.redaction.own_logs import RedactingFilter

__all__ = ["Masker", "RedactingFilter", "cut_secrets", "cut_tokens"]
