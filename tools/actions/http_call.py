"""An action that is an HTTP call of the settings: revert a flag or a change, roll back by a delivery system, open a ticket."""

from collections.abc import Mapping

import orjson
from pydantic import JsonValue

from tools.actions.placeholders import KEY_NOT_YET, fill_address, fill_body
from tools.actions.sending import Sender
from tools.actions.showing import LONGEST_LINE, shown_whole
from tools.actions.spec import ActionError, Done, DryRun, Happened
from tools.actions.templates import Call, HttpAction, TemplateArguments, UndoCall

_MOST_TOLD = 12


class HttpDoing:
    """Does what a template says. Whatever its host answers is a value to show, never more."""

    def __init__(self, template: HttpAction, sender: Sender) -> None:
        self._template, self._sender = template, sender
        self.repeatable, self.settles_seconds = template.repeatable, sender.settles_seconds

    def dry_run(self, arguments: TemplateArguments) -> DryRun:
        """The exact request, and what the host says would come of it."""
        values = arguments.values(KEY_NOT_YET)
        exact = _shown(self._template, values)  # first: what cannot be shown is not asked about either
        if self._template.dry_run is None:
            return exact
        url, body = _filled(self._template.dry_run, values)
        answer = self._sender.done(self._template.dry_run.method, url, body).json()
        if not isinstance(answer, Mapping) or not isinstance(answer.get("effect"), str):
            raise ActionError('its dry run must answer {"effect": "…", "lines": ["…"], "seen": "…"}')
        told = [answer["effect"], *(line for line in _list(answer.get("lines")) if isinstance(line, str))]
        cut = self._sender.secrets.cut
        lines = [f"it says: {cut(line)[:LONGEST_LINE]}" for line in told[:_MOST_TOLD]]
        return _shown(self._template, values, lines, cut(str(answer.get("seen", ""))))

    def run(self, arguments: TemplateArguments, key: str) -> Done:
        """Send it once. The memo is the key, by which an undo can name it."""
        return self._sent(self._template, arguments.values(key), key)

    def undo(self, arguments: TemplateArguments, key: str, memo: str) -> Done:
        """Send the call that takes it back."""
        return self._sent(self._undoing, arguments.values(key, memo), key)

    def undo_dry_run(self, arguments: TemplateArguments, memo: str) -> DryRun:
        """The exact request that would take it back."""
        return _shown(self._undoing, arguments.values(KEY_NOT_YET, memo))

    def happened(self, arguments: TemplateArguments, key: str) -> Happened:
        """Ask the host for the key, where the settings say how."""
        if self._template.check is None:
            return Happened.UNKNOWN
        url = fill_address(self._template.check.url, arguments.values(key))
        return {200: Happened.YES, 404: Happened.NO}.get(self._sender.send("GET", url).status, Happened.UNKNOWN)

    @property
    def _undoing(self) -> UndoCall:
        if self._template.undo is None:
            raise ActionError(f"{self._template.name} has no undo in the settings")
        return self._template.undo

    def _sent(self, call: Call, values: Mapping[str, str], key: str) -> Done:
        url, body = _filled(call, values)
        answer = self._sender.done(call.method, url, body, key)
        return Done(f"{call.method} {url} was answered {answer.status}", key)


def _shown(call: Call, values: Mapping[str, str], told: list[str] | None = None, seen: str = "") -> DryRun:
    url, body = _filled(call, values)
    details = "" if body is None else f"with the body {orjson.dumps(body).decode()}"
    return shown_whole(f"sends {call.method} {url}", details, told or [], seen)


def _filled(call: Call, values: Mapping[str, str]) -> tuple[str, JsonValue]:
    return fill_address(call.url, values), fill_body(call.body, values)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
