"""The actions of the settings. Built without asking anybody; nothing here runs one (see ``agent/acting.py``)."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from agent.settings import Backend, SettingsError, secret
from tools.actions.spec import ActionSpec, registry

if TYPE_CHECKING:
    from agent.action_settings import ActionSettings, AlertmanagerSettings, ScriptSettings
    from tools.actions.templates import HttpAction
    from tools.actions.workloads.policy import KubernetesPolicy


class HasActions(Protocol):
    """The settings, as far as they are needed here."""

    @property
    def actions(self) -> "ActionSettings": ...


def build_actions(settings: HasActions, now: Callable[[], float] = time.time) -> Mapping[str, ActionSpec[Any]]:
    """Actions by name; empty where none is configured. Raises ``SettingsError`` where one cannot be used."""
    wanted = settings.actions
    made: list[ActionSpec[Any]] = []
    if wanted.alertmanager is not None:
        made.append(_silence(wanted.alertmanager, now))
    if wanted.kubernetes is not None:
        made += _workloads(wanted.kubernetes, now)
    made += [_call(action, f"actions.http.{action.name}", now) for action in wanted.http]
    if wanted.scripts is not None:
        made += _scripts(wanted.scripts)
    if wanted.ticket is not None:
        made.append(_call(wanted.ticket.action, "actions.ticket", now))
    try:
        return registry(*made)
    except ValueError as error:
        raise SettingsError(f"setting actions: {error}; give each its own name") from None


def _silence(given: "AlertmanagerSettings", now: Callable[[], float]) -> ActionSpec[Any]:
    from tools.actions.alertmanager import Alertmanager
    from tools.actions.sending import Sender

    own = {"service_label", "minutes", "max_minutes"}
    connection = Backend.model_validate(given.model_dump(exclude=own)).connection("Alertmanager")
    there = Alertmanager(Sender(connection), connection.url, given.service_label, given.minutes, given.max_minutes, now)
    return there.silence_alert()


def _workloads(policy: "KubernetesPolicy", now: Callable[[], float]) -> tuple[ActionSpec[Any], ...]:
    from tools.actions.workloads.actions import workload_actions
    from tools.actions.workloads.cluster import Cluster

    token = secret(policy.token_env, "actions.kubernetes.token_env")
    if token is not None and not policy.url:
        raise SettingsError("actions.kubernetes.token_env is for the url; name that, too")
    return workload_actions(Cluster(policy, token), now)


def _call(action: "HttpAction", name: str, now: Callable[[], float]) -> ActionSpec[Any]:
    from tools.actions.http_call import http_action
    from tools.actions.placeholders import origin
    from tools.actions.sending import Sender

    secrets = {header: secret(variable, f"{name}.header_env") for header, variable in action.header_env.items()}
    backend = Backend(
        url=origin(action.url),
        headers={header: value.get_secret_value() for header, value in secrets.items() if value is not None},
        ca_file=action.ca_file,
        verify=action.verify,
        timeout_seconds=action.timeout_seconds,
    )
    return http_action(action, Sender(backend.connection(name), secret(action.secret_env, f"{name}.secret_env"), now))


def _scripts(given: "ScriptSettings") -> list[ActionSpec[Any]]:
    from tools.actions.scripts import script_action

    made = []
    for script in given.named:
        values = {name: secret(name, f"actions.scripts.{script.name}.pass_env") for name in script.pass_env}
        passed = {name: value.get_secret_value() for name, value in values.items() if value is not None}
        made.append(script_action(script, given.folder.expanduser(), passed))
    return made
