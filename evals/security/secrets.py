"""Secrets in telemetry, and where they must not be: prompts, checkpoints, evidence, the ledger, reports in every form."""

import json
from collections.abc import Sequence
from pathlib import Path

from agent.ledger import Ledger
from agent.report.html import render_html
from agent.report.markdown import render_markdown
from agent.report.model import Report
from evals.doubles.model_scripts import honest
from evals.doubles.planted_secrets import Planted, planted_secrets
from evals.doubles.switchboard import Switchboard
from evals.lab import bundled_incident
from evals.security.incident import ID, everything_in, modelled, plant, settings_in, until_it_asks


async def try_secrets(folder: Path, seed: int) -> tuple[int, int, list[str]]:
    """How many were planted, how many leaked, and of which kind into what."""
    planted = planted_secrets(seed)
    clean = settings_in(folder / "clean")
    await until_it_asks(clean, bundled_incident(), Switchboard(folder / "clean" / "board"))
    innocent = everything_in(clean.home)  # six digits of a key may be those of a trace or a time as well
    settings, board = settings_in(folder / "planted"), Switchboard(folder / "board")
    recording = plant(folder / "recording", [secret.text for secret in planted])
    with modelled(honest(), settings) as (with_model, server):
        await until_it_asks(with_model, recording, board)
        asked = json.dumps(server.requests, ensure_ascii=False)
    report = Report.model_validate_json(Ledger(settings.home).investigation(ID).report)
    places = {
        "a prompt": asked, "the home": everything_in(settings.home), "the page": render_html(report),
        "the Markdown": render_markdown(report), "the JSON": report.model_dump_json(),
    }  # fmt: skip
    found = {
        (secret.text, where): secret.kind for where, text in places.items() for secret in _in(text, planted, innocent)
    }
    return len(planted), len({text for text, _ in found}), [f"{kind} in {where}" for (_, where), kind in found.items()]


def _in(text: str, planted: Sequence[Planted], innocent: str) -> list[Planted]:
    return [secret for secret in planted if any(piece in text and piece not in innocent for piece in secret.pieces)]
