"""A delivery system of somebody, the calls to it, and the actions that they make."""

from pydantic import SecretStr

from tests.signed_double import SECRET
from tools.actions.http_call import HttpDoing
from tools.actions.sending import Sender
from tools.actions.spec import ActionSpec
from tools.actions.template_action import template_action
from tools.actions.templates import HttpAction, TemplateArguments
from tools.http.connection import Connection

KEY, OTHER = "a" * 32, "b" * 32
ARGUMENTS = TemplateArguments(entity="store", change="store@2")


def fields(url: str, /, **more: object) -> dict[str, object]:
    return {
        "name": "revert_release", "summary": "Roll the release back.", "remediations": ["rollback"], "risk": "reversible",
        "change_kinds": ["deploy"], "url": f"{url}/services/{{entity}}/rollback?change={{change}}",
        "body": {"service": "{entity}", "why": {"change": "{change}", "list": ["{key}", 7, True, None]}, "fixed": "yes"},
        "dry_run": {"method": "GET", "url": f"{url}/dry/{{entity}}?change={{change}}"},
        "undo": {"url": f"{url}/services/{{entity}}/undo", "body": {"change": "{change}"}},
        "check": {"url": f"{url}/keys/{{key}}"}, "secret_env": "SIGNING", **more,
    }  # fmt: skip


def action(
    url: str, /, secret: str = SECRET, seconds: float = 5.0, headers: dict[str, str] | None = None, **more: object
) -> ActionSpec[TemplateArguments]:
    """``headers`` are those of ``header_env``, with their values."""
    held = [SecretStr(value) for value in (headers or {}).values()]
    connection = Connection(name="deploys", url=url, timeout_seconds=seconds, headers=headers or {})
    template = HttpAction.model_validate(fields(url, **more))
    return template_action(template, HttpDoing(template, Sender(connection, SecretStr(secret), held=held)))
