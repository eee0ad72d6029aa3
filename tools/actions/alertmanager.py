"""Silence an alert in Alertmanager. Only a person asks for it: a silence mends nothing, and hides what it covers."""

import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from pydantic import Field

from tools.actions.sending import Sender
from tools.actions.spec import ActionArguments, ActionError, ActionSpec, Done, DryRun, Happened, Target
from tools.spec import Risk

NAME = "silence_alert"
_ID = re.compile(r"[0-9A-Za-z-]{8,64}", re.ASCII)
_BY = "probable-cause"
_MOST_SHOWN = 5


class SilenceArguments(ActionArguments):
    """The alert of this name whose label ``label`` is exactly ``entity``, for so many minutes."""

    alert_name: str = Field(min_length=1, max_length=253)
    label: str = Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,99}$")
    minutes: int = Field(ge=1, le=7 * 24 * 60)


class Alertmanager:
    """One Alertmanager, by version 2 of its API. ``label`` holds an alert's service; ``minutes`` is how long a silence
    lasts, ``max_minutes`` how long it may at most. ``now`` gives epoch seconds."""

    def __init__(
        self, sender: Sender, url: str, label: str, minutes: int, max_minutes: int,
        now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._sender, self._url, self._label = sender, url.rstrip("/"), label
        self._minutes, self._most, self._now = minutes, max_minutes, now

    def silence_alert(self) -> ActionSpec[SilenceArguments]:
        """The action."""
        return ActionSpec(
            name=NAME,
            summary="Silence the alert in Alertmanager for a while; it mends nothing.",
            risk=Risk.REVERSIBLE,
            remediations=frozenset(),
            arguments=SilenceArguments,
            fit=self.fit,
            dry_run=self.dry_run,
            run=self.run,
            happened=self.happened,
            undo=self.undo,
            undo_dry_run=self.undo_dry_run,
            memo_of=self.memo_of,
            undone=self.undone,
            settles_seconds=self._sender.settles_seconds,
        )

    def fit(self, target: Target) -> SilenceArguments | None:
        """For the alert of an investigation; None where it names no service."""
        if not target.alert_name or not target.alert_entity or target.alert_entity not in target.services:
            return None
        try:
            return SilenceArguments(
                entity=target.alert_entity, alert_name=target.alert_name, label=self._label, minutes=self._minutes
            )
        except ValueError:
            return None

    def dry_run(self, arguments: SilenceArguments) -> DryRun:
        """The matchers, and which alerts they would silence now; none is an error: a silence would be for nothing."""
        self._bounded(arguments)
        wanted = {row["name"]: row["value"] for row in _matchers(arguments)}
        labels = [
            _labels(alert) for alert in self._rows("alerts", arguments, "&active=true&silenced=false&inhibited=true")
        ]
        hit = [row for row in labels if wanted.items() <= row.items()]
        if not hit:
            raise ActionError(
                f"no alert in Alertmanager matches {_shown(arguments)} now; see actions.alertmanager.service_label"
            )
        lines = [f"matches {json.dumps(row, sort_keys=True)}" for row in sorted(hit, key=str)[:_MOST_SHOWN]]
        more = [f"… and {len(hit) - _MOST_SHOWN} more"] if len(hit) > _MOST_SHOWN else []
        effect = f"silences {_shown(arguments)} for {arguments.minutes} minutes: {_count(len(hit))} now"
        return DryRun(effect, (*lines, *more), "")

    def run(self, arguments: SilenceArguments, key: str) -> Done:
        """Create the silence, unless one with this key is there."""
        self._bounded(arguments)
        if (there := self._by_key(arguments, key)) is not None:
            return Done(f"the silence {there} was there before", json.dumps({"id": there}))
        begin = self._now()
        made = self._sender.done("POST", f"{self._url}/api/v2/silences", {
            "matchers": _matchers(arguments),
            "startsAt": _time(begin),
            "endsAt": _time(begin + 60 * arguments.minutes),
            "createdBy": _BY,
            "comment": _comment(key),
        }).json()  # fmt: skip
        id = str(made.get("silenceID", "")) if isinstance(made, Mapping) else ""
        if not _ID.fullmatch(id):
            raise ActionError("Alertmanager named no silence in its answer; look at its silences")
        return Done(
            f"silenced {_shown(arguments)} for {arguments.minutes} minutes (silence {id})", json.dumps({"id": id})
        )

    def happened(self, arguments: SilenceArguments, key: str) -> Happened:
        """Whether there is a silence with the key, over or not."""
        return Happened.YES if self._by_key(arguments, key) is not None else Happened.NO

    def undo(self, arguments: SilenceArguments, _: str, memo: str) -> Done:
        """End the silence; one that is over stays so."""
        id = _id_in(memo)
        try:
            self._sender.done("DELETE", f"{self._url}/api/v2/silence/{id}")
        except ActionError:
            if not self._surely_over(id):  # its answer may have been lost, or somebody else was first
                raise
        return Done(f"ended the silence {id} of {_shown(arguments)}")

    def undo_dry_run(self, arguments: SilenceArguments, memo: str) -> DryRun:
        """Which silence would end; one that is over is an error."""
        id = _id_in(memo)
        row = self._silence(id)
        if _is_over(row):
            raise ActionError(f"the silence {id} is over already; there is nothing to end")
        until = str(row.get("endsAt", ""))
        lines = (f"by itself it would end at {until or 'a time that Alertmanager does not tell'}",)
        return DryRun(f"ends the silence {id} of {_shown(arguments)}", lines, f"{id} until {until}")

    def memo_of(self, arguments: SilenceArguments, key: str) -> str:
        """Of the silence with this key, "" where there is none."""
        there = self._by_key(arguments, key)
        return "" if there is None else json.dumps({"id": there})

    def undone(self, _: SilenceArguments, memo: str) -> Happened:
        """Whether the silence is over."""
        return Happened.YES if _is_over(self._silence(_id_in(memo))) else Happened.NO

    def _bounded(self, arguments: SilenceArguments) -> None:
        if arguments.minutes > self._most:
            raise ActionError(f"{arguments.minutes} minutes are more than max_minutes of {self._most}")
        if arguments.label != self._label:
            raise ActionError(f"the settings have the label {self._label} for services, not {arguments.label}")

    def _surely_over(self, id: str) -> bool:
        try:
            return _is_over(self._silence(id))
        except ActionError:
            return False

    def _silence(self, id: str) -> Mapping[str, Any]:
        row = self._sender.done("GET", f"{self._url}/api/v2/silence/{id}").json()
        if not isinstance(row, Mapping):
            raise ActionError(f"Alertmanager does not tell of the silence {id}; is this version 2 of its API?")
        return row

    def _by_key(self, arguments: SilenceArguments, key: str) -> str | None:
        ids = [
            str(row.get("id", "")) for row in self._rows("silences", arguments, "")
            if row.get("comment") == _comment(key) and row.get("createdBy") == _BY
        ]  # fmt: skip
        return next((id for id in ids if _ID.fullmatch(id)), None)

    def _rows(self, what: str, arguments: SilenceArguments, more: str) -> list[Mapping[str, Any]]:
        """Alerts or silences about the alert's name. The filter only spares reading all: whoever calls looks again."""
        value = arguments.alert_name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        asked = quote(f'alertname="{value}"', safe="")
        rows = self._sender.done("GET", f"{self._url}/api/v2/{what}?filter={asked}{more}").json()
        if not isinstance(rows, list):
            raise ActionError(f"Alertmanager answered no list of {what}; is this version 2 of its API?")
        return [row for row in rows if isinstance(row, Mapping)]


def _id_in(memo: str) -> str:
    id = str(json.loads(memo).get("id", "")) if memo else ""
    if not _ID.fullmatch(id):
        raise ActionError("which silence it was is not known any more; look at the silences of Alertmanager")
    return id


def _is_over(silence: Mapping[str, Any]) -> bool:
    return (silence.get("status") or {}).get("state") == "expired"


def _matchers(arguments: SilenceArguments) -> list[dict[str, Any]]:
    pairs = {"alertname": arguments.alert_name, arguments.label: arguments.entity}
    return [{"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in pairs.items()]


def _shown(arguments: SilenceArguments) -> str:
    return " and ".join(f"{row['name']}={json.dumps(row['value'])}" for row in _matchers(arguments))


def _count(hits: int) -> str:
    return "1 alert matches" if hits == 1 else f"{hits} alerts match"


def _labels(alert: Mapping[str, Any]) -> dict[str, str]:
    labels = alert.get("labels")
    return {str(name): str(value) for name, value in labels.items()} if isinstance(labels, Mapping) else {}


def _comment(key: str) -> str:
    return f"Probable Cause, approved action {key}"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
