"""The file of training examples, and the card beside it that says what is in it.

What leaves is cut and masked as on the way to a remote model; one masker an export, so that a name is called the same
in every line. Nothing is written that the shape of its answer does not take.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from agent.models.policy import Part
from agent.prompts import data_block
from agent.reasoners.answers import Asked, Narrative, Readings
from agent.redaction import Masker, cut_secrets
from agent.training import Example, Skipped
from agent.training_card import Summary, card, card_path

_MARK = re.compile(r"\[secret:([a-z-]+)\]")


class TrainingFileError(OSError):
    """The file cannot be written; the message says which and what to do."""


def write_training(found: Sequence[Example | Skipped], out: Path, names: Sequence[str]) -> Summary:
    """Write the file and its card; what stood there is replaced. ``names`` are masked too.

    Raises ``TrainingFileError``, and writes nothing, where no example is left.
    """
    masker = Masker(names)
    kept: list[tuple[Example, str]] = []
    skipped = [item for item in found if isinstance(item, Skipped)]
    for example in found:
        if isinstance(example, Example):
            line = _line(example, masker)
            if line is None:
                skipped.append(
                    Skipped(example.investigation, example.part, "a secret or name was cut out of the answer")
                )
            else:
                kept.append((example, line))
    if not kept:
        reasons = "; ".join(dict.fromkeys(f"{item.investigation}: {item.reason}" for item in skipped))
        raise TrainingFileError(f"nothing of the confirmed investigations can be an example ({reasons})")
    summary = _summary(kept, skipped, out, masker)
    # The card first: no data without what it is.
    _write({card_path(out): card(summary), out: "".join(f"{line}\n" for _, line in kept)})
    return summary


def _line(example: Example, masker: Masker) -> str | None:
    """One example as JSON; None where its answer quotes what the prompt, cut and masked as a whole, says otherwise."""
    system, user = (_outgoing(text, masker) for text in (example.prompt.system, example.prompt.user))
    answer = type(example.answer).model_validate(_cleaned(example.answer.model_dump(mode="json"), masker))
    if any(data_block(text) not in user for text in _quoted(answer)):
        return None
    content = json.dumps(answer.model_dump(mode="json"), ensure_ascii=False)
    turns = (("system", system), ("user", user), ("assistant", content))
    metadata = {
        "investigation": example.investigation,
        "part": example.part.value,
        "prompt": example.prompt.digest,
        "evidence": list(example.evidence),
        "confirmed": example.confirmed_on,
    }
    line = {
        "messages": [{"role": role, "content": text} for role, text in turns],
        "tools": [_function(name, summary) for name, summary in example.tools.items()],
        "metadata": metadata,
    }
    # Escaped: a lone surrogate out of a log line is no UTF-8, and would make the whole file unreadable.
    return json.dumps(line)


def _function(name: str, summary: str) -> dict[str, Any]:
    """A tool as a model may ask it: by names of the call graph; the window is set by code."""
    schema = Asked.model_json_schema()
    entities = {**schema["properties"]["entities"], "description": "entities of the call graph"}
    parameters = {
        "type": "object", "properties": {"entities": entities}, "required": ["entities"], "additionalProperties": False,
    }  # fmt: skip
    return {"type": "function", "function": {"name": name, "description": summary, "parameters": parameters}}


def _outgoing(text: str, masker: Masker) -> str:
    return masker.mask(cut_secrets(text))


def _cleaned(value: Any, masker: Masker) -> Any:  # noqa: ANN401 - JSON
    match value:
        case str():
            return _outgoing(value, masker)
        case list():
            return [_cleaned(item, masker) for item in value]
        case dict():
            return {key: _cleaned(item, masker) for key, item in value.items()}
        case _:
            return value


def _quoted(answer: BaseModel) -> list[str]:
    match answer:
        case Readings():
            return [reading.quote for reading in answer.readings]
        case Narrative():
            return [statement.sentence for statement in answer.statements]
        case _:
            return []  # ids only


def _summary(kept: Sequence[tuple[Example, str]], skipped: Sequence[Skipped], out: Path, masker: Masker) -> Summary:
    examples = [example for example, _ in kept]
    by_investigation = {example.investigation: example for example in examples}.values()
    fired, confirmed = (sorted(days) for days in zip(*((e.fired_on, e.confirmed_on) for e in examples), strict=True))
    given = (name.partition("-")[0] for name, value in masker.mapping.items() if name != value)
    reasons = (f"{item.part.value if item.part else 'investigation'}: {item.reason}" for item in skipped)
    return Summary(
        file=str(out),
        card=str(card_path(out)),
        lines=len(kept),
        investigations=len(by_investigation),
        parts=_counted(example.part.value for example in examples),
        fault_kinds=_counted(example.fault_kind.value for example in by_investigation),
        fired=(fired[0], fired[-1]),
        confirmed=(confirmed[0], confirmed[-1]),
        prompts={part.value: example.prompt.digest for part in Part for example in examples if example.part is part},
        skipped=_counted(reasons),
        cut=_counted(kind for _, line in kept for kind in _MARK.findall(line)),
        masked=_counted(given),
    )


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _write(texts: Mapping[Path, str]) -> None:
    """All of them, or none: what stood there is replaced only once every new text is on the disk."""
    partials = {path: path.with_name(f".{path.name}.{os.getpid()}.partial") for path in texts}
    try:
        for path, text in texts.items():
            partials[path].write_text(text, encoding="utf-8")
        for path, partial in partials.items():
            partial.replace(path)
    except OSError as error:
        for partial in partials.values():
            with suppress(OSError):
                partial.unlink()
        raise TrainingFileError(
            f"cannot write {list(texts)[-1]}: {error.strerror or error}; give another --out"
        ) from error
