"""The card beside the training examples: what is in them, what was taken out, and whose they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written. ``skipped`` counts parts by name and reason, ``cut`` the marks of secrets by their kind,
    ``masked`` the values that got a pseudonym, by kind; ``fired`` (the alerts) and ``confirmed`` are first and last days
    (ISO dates), ``prompts`` the digests of the wordings by part."""

    file: str
    card: str
    lines: int
    investigations: int
    parts: dict[str, int]
    fault_kinds: dict[str, int]
    fired: tuple[str, str]
    confirmed: tuple[str, str]
    prompts: dict[str, str]
    skipped: dict[str, int]
    cut: dict[str, int]
    masked: dict[str, int]


def card_path(out: Path) -> Path:
    """``training.card.md`` for ``training.jsonl``."""
    return out.with_suffix(".card.md")


def card(summary: Summary) -> str:
    """The card in Markdown."""
    rows = "\n".join(f"| {part} | {n} | {summary.prompts[part]} |" for part, n in summary.parts.items())
    return _CARD.format(
        name=Path(summary.file).name,
        version=version("probable-cause"),
        lines=_some(summary.lines, "line"),
        investigations=_some(summary.investigations, "confirmed investigation"),
        rows=rows,
        kinds=_listed(summary.fault_kinds),
        fired=" to ".join(dict.fromkeys(summary.fired)),
        confirmed=" to ".join(dict.fromkeys(summary.confirmed)),
        cut=_listed(summary.cut),
        masked=_listed(summary.masked),
        skipped="\n".join(f"- {reason}: {n}" for reason, n in summary.skipped.items()) or "Nothing.",
    )


def _some(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"


_CARD = """# Training examples: {name}

{lines} of {investigations}, in the chat format, written by pcause {version}.

| part | lines | wording of the prompt |
|---|---|---|
{rows}

- Kinds of fault, by investigation: {kinds}.
- Alerts fired: {fired}. Confirmed: {confirmed} (as the files of `pcause confirm` are dated).
- Questions: what pcause of this version asks a model about the stored evidence. Answers: what a person confirmed, not
  what a model said.

## Cut and masked

- Secrets, cut for good when the evidence was stored or here; marks in the file: {cut}.
- Hosts, addresses, e-mail addresses and names given, each with one pseudonym in all lines; values: {masked}.
- Services, metrics and paths have the names that they have in your telemetry, unless `models.mask_names` or
  `--mask-name` names them.

## Not in it

- Raw telemetry: no series, no spans, no logs. Of a log line there is what a finding or a claim quotes.
- Diffs beyond what a model is shown, and who wrote them.
- Investigations that nobody confirmed, and what models answered.

## Skipped

{skipped}

## Whose it is

The data is your own, of your systems and repositories: their terms hold for it, and pcause's licence does not. Only the
wording of the prompts is pcause's (Apache-2.0). Read the file before anybody else gets it.
"""
