"""The actions of the settings. Built without asking anybody; nothing here runs one (see ``agent/acting.py``)."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from agent.backend_settings import Backend, SettingsError, secret
from tools.actions.spec import ActionSpec, registry

if TYPE_CHECKING:
    from agent.action_settings import ActionSettings, AlertmanagerSettings, ScriptSettings
    from tools.actions.templates import HttpAction
    from tools.actions.workloads.policy import KubernetesPolicy


class HasActions(Protocol):
    """The settings, as far as they are needed here."""

    @property
    def actions(self) -> "ActionSettings": ...

    @property
    def home(self) -> Path: ...


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
        made += _scripts(wanted.scripts, settings.home / "running-scripts")
    if wanted.ticket is not None:
        made.append(_call(wanted.ticket.action, "actions.ticket", now))
    try:
        return registry(*made)
    except ValueError as error:
        raise SettingsError(f"setting actions: {error}; give each its own name") from None


def _silence(given: "AlertmanagerSettings", now: Callable[[], float]) -> ActionSpec[Any]:
    from tools.actions.alertmanager import Alertmanager
    from tools.actions.sending import Sender

    connection = given.connection("Alertmanager", "actions.alertmanager")
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
    from tools.actions.http_call import HttpDoing
    from tools.actions.placeholders import origin
    from tools.actions.sending import Sender
    from tools.actions.template_action import template_action

    held = {header: secret(variable, f"{name}.header_env") for header, variable in action.header_env.items()}
    headers = {header: value for header, value in held.items() if value is not None}
    backend = Backend(
        url=origin(action.url),
        headers={header: value.get_secret_value() for header, value in headers.items()},
        ca_file=action.ca_file,
        verify=action.verify,
        timeout_seconds=action.timeout_seconds,
    )
    signing = secret(action.secret_env, f"{name}.secret_env")
    return template_action(action, HttpDoing(action, Sender(backend.connection(name), signing, now, headers.values())))


def _scripts(given: "ScriptSettings", notes: Path) -> list[ActionSpec[Any]]:
    from tools.actions.running_scripts import RunningScripts
    from tools.actions.scripts import ScriptDoing
    from tools.actions.template_action import template_action

    running = RunningScripts(notes)
    made = []
    for script in given.named:
        values = {name: secret(name, f"actions.scripts.{script.name}.pass_env") for name in script.pass_env}
        passed = {name: value for name, value in values.items() if value is not None}
        made.append(template_action(script, ScriptDoing(script, given.folder.expanduser(), passed, running)))
    return made
