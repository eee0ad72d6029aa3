"""An action that is an HTTP call of the settings: revert a flag or a change, roll back by a delivery system, open a ticket."""

from collections.abc import Mapping

import orjson
from pydantic import JsonValue

from tools.actions.placeholders import KEY_NOT_YET, fill_address, fill_body
from tools.actions.sending import Sender
from tools.actions.spec import ActionError, ActionSpec, Done, DryRun, Happened
from tools.actions.templates import Call, HttpAction, TemplateArguments

_MOST_LINES = 12
_LONGEST_LINE = 300


def http_action(template: HttpAction, sender: Sender) -> ActionSpec[TemplateArguments]:
    """The action of a template. Whatever its host answers is a value to show, never more."""
    doing = _Doing(template, sender)
    return ActionSpec(
        name=template.name,
        summary=template.summary,
        risk=template.risk_class,
        remediations=template.remediations,
        arguments=TemplateArguments,
        fit=template.fit,
        dry_run=doing.dry_run,
        run=doing.run,
        happened=doing.happened,
        undo=doing.undo if template.undo else None,
        repeatable=template.repeatable,
    )


class _Doing:
    def __init__(self, template: HttpAction, sender: Sender) -> None:
        self._template, self._sender = template, sender

    def dry_run(self, arguments: TemplateArguments) -> DryRun:
        """The exact request, and what the host says would come of it."""
        url, body = _filled(self._template, arguments, KEY_NOT_YET)
        effect = f"sends {self._template.method} {url}"
        lines = (f"with the body {orjson.dumps(body).decode()[:_LONGEST_LINE]}",) if body is not None else ()
        if self._template.dry_run is None:
            return DryRun(effect, lines)
        asked, with_body = _filled(self._template.dry_run, arguments, KEY_NOT_YET)
        answer = self._sender.done(self._template.dry_run.method, asked, with_body).json()
        if not isinstance(answer, Mapping) or not isinstance(answer.get("effect"), str):
            raise ActionError('its dry run must answer {"effect": "…", "lines": ["…"], "seen": "…"}')
        told = [answer["effect"], *(line for line in _list(answer.get("lines")) if isinstance(line, str))]
        seen = str(answer.get("seen", ""))[:_LONGEST_LINE]
        return DryRun(effect, (*lines, *(f"it says: {line[:_LONGEST_LINE]}" for line in told[:_MOST_LINES])), seen)

    def run(self, arguments: TemplateArguments, key: str) -> Done:
        """Send it once."""
        return self._sent(self._template, arguments, key)

    def undo(self, arguments: TemplateArguments, key: str, _: str) -> Done:
        """Send the call that takes it back."""
        if self._template.undo is None:
            raise ActionError(f"{self._template.name} has no undo in the settings")
        return self._sent(self._template.undo, arguments, key)

    def happened(self, arguments: TemplateArguments, key: str) -> Happened:
        """Ask the host for the key, where the settings say how."""
        if self._template.check is None:
            return Happened.UNKNOWN
        url = fill_address(self._template.check.url, arguments.values(key))
        return {200: Happened.YES, 404: Happened.NO}.get(self._sender.send("GET", url).status, Happened.UNKNOWN)

    def _sent(self, call: Call, arguments: TemplateArguments, key: str) -> Done:
        url, body = _filled(call, arguments, key)
        answer = self._sender.done(call.method, url, body, key)
        return Done(f"{call.method} {url} was answered {answer.status}")


def _filled(call: Call, arguments: TemplateArguments, key: str) -> tuple[str, JsonValue]:
    values = arguments.values(key)
    return fill_address(call.url, values), fill_body(call.body, values)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
