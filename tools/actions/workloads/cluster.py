"""The API of a cluster, through the official client: read, list, patch. Objects stay JSON, so that a field which this
client does not know yet is not lost on the way back."""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import SecretStr
from urllib3.exceptions import HTTPError, ReadTimeoutError

from tools.actions.reaching import GATEWAY_GAVE_UP, NotSentError, asked, note_sending
from tools.actions.spec import ActionError, Happened, NoAnswer
from tools.actions.workloads.arguments import WorkloadArguments, arguments_of
from tools.actions.workloads.found import KEYS, Entry, Found
from tools.actions.workloads.policy import Kind, KubernetesPolicy, Workload

_PLURAL: Mapping[Kind, str] = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}
_MOST_OBJECTS = 500
_TRIES = 3
_SERVER_SECONDS = 60.0  # --request-timeout of the API server, where nobody changed it
_REMEDY = {
    401: "its token is refused; see token_env or the kubeconfig",
    403: "the account may not do this; give it get, list and patch as in docs/actions.md",
    404: "there is none",
    409: "it was changed in the meantime; look at it again",
    422: "the cluster does not take this change",
}

T = TypeVar("T")


class Conflict(ActionError):  # noqa: N818 - a state, named as one reads it
    """The object is another than the one that was read."""


class Missing(ActionError):  # noqa: N818 - a state, named as one reads it
    """There is no such object."""


class Cluster:
    """One cluster. ``token`` belongs to ``policy.url``. Connects when it is first asked."""

    def __init__(self, policy: KubernetesPolicy, token: SecretStr | None = None) -> None:
        self.policy, self._token = policy, token
        self._lock = threading.Lock()
        self._made: Any = None

    @property
    def settles_seconds(self) -> float:
        """For how long a patch that was cut off may still be taken: a cluster gives a request up after a minute."""
        return self.policy.timeout_seconds + _SERVER_SECONDS

    def happened(self, arguments: WorkloadArguments, key: str) -> Happened:
        """Whether the workload bears the key."""
        return Happened.YES if self.find(arguments).done(key) else Happened.NO

    def find(self, arguments: WorkloadArguments) -> Found:
        """The workload of the arguments, which must be what the settings say of the service.

        Raises ``ActionError`` where there is none, or more than one.
        """
        allowed = arguments_of(self.policy, arguments.entity, WorkloadArguments)
        given = (arguments.namespace, arguments.kind, arguments.name)
        if allowed is None or (allowed.namespace, allowed.kind, allowed.name) != given:
            raise ActionError(f"the settings (actions.kubernetes) do not give {arguments.entity} this workload")
        if arguments.kind and arguments.name:
            workload = Workload(namespace=arguments.namespace, kind=arguments.kind, name=arguments.name)
            return Found(workload, self.read(workload))
        return self._looked_for(arguments)

    def read(self, workload: Workload) -> Mapping[str, Any]:
        """The object. Raises ``Missing`` where there is none."""
        place = _place(workload)
        what = f"{workload.kind} {workload.namespace}/{workload.name}"
        return self._asked(
            lambda api, timeout: api.get_namespaced_custom_object(**place, _request_timeout=timeout), what
        )

    def listed(
        self, group: str, version: str, namespace: str, plural: str, labels: str = ""
    ) -> tuple[Mapping[str, Any], ...]:
        """The objects of a kind with these labels. Raises ``ActionError`` where there are too many to be sure."""
        answer = self._asked(
            lambda api, timeout: api.list_namespaced_custom_object(
                group=group, version=version, namespace=namespace, plural=plural, label_selector=labels,
                limit=_MOST_OBJECTS, _request_timeout=timeout,
            ),
            f"{plural} of {namespace}",
        )  # fmt: skip
        if (answer.get("metadata") or {}).get("continue"):
            raise ActionError(
                f"there are more than {_MOST_OBJECTS} {plural} in {namespace}; map the service in workloads"
            )
        return tuple(answer.get("items") or ())

    def tried(self, found: Found, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        """The object as it would be, by the cluster's own dry run; nothing is changed."""
        return self._patched(found, {"spec": spec}, True)

    def change(self, found: Found, spec: Mapping[str, Any], entry: Entry) -> None:
        """Patch what is wanted of it, with the entry, in one step, if nobody changed it since it was read.

        Its state changes all the time, which is no reason to stop; what is wanted of it must be the same.
        """
        now = found
        for _ in range(_TRIES):
            metadata = {
                "resourceVersion": now.metadata.get("resourceVersion"),
                "annotations": {KEYS: now.annotation_with(entry)},
            }
            try:
                self._patched(now, {"spec": spec, "metadata": metadata}, False)
            except Conflict:
                now = Found(found.workload, self.read(found.workload))
                if now.done(entry.key):
                    return
                if now.seen != found.seen:
                    raise ActionError(
                        f"{found} was changed by somebody else in the meantime; look at it again"
                    ) from None
            else:
                return
        raise ActionError(f"{found} changes too fast to be patched safely; try again")

    def _patched(self, found: Found, patch: Mapping[str, Any], dry: bool) -> Mapping[str, Any]:
        asked = {**_place(found.workload), "body": patch, "field_manager": "probable-cause"}
        if dry:
            asked["dry_run"] = "All"
        return self._asked(
            lambda api, timeout: api.patch_namespaced_custom_object(**asked, _request_timeout=timeout), str(found)
        )

    def _looked_for(self, arguments: WorkloadArguments) -> Found:
        by_name = [
            found for kind in _PLURAL
            if (found := self._known(Workload(namespace=arguments.namespace, kind=kind, name=arguments.entity)))
        ]  # fmt: skip
        those = by_name or self._by_label(arguments)
        if len(those) == 1:
            return those[0]
        where = f"in {arguments.namespace}, by its name and by the label {self.policy.service_label}"
        what = f"more than one workload is {arguments.entity}" if those else f"no workload is {arguments.entity}"
        raise ActionError(f"{what} {where}; map the service in actions.kubernetes.workloads")

    def _known(self, workload: Workload) -> Found | None:
        try:
            return Found(workload, self.read(workload))
        except Missing:
            return None

    def _by_label(self, arguments: WorkloadArguments) -> list[Found]:
        labels = f"{self.policy.service_label}={arguments.entity}"
        return [
            Found(Workload(namespace=arguments.namespace, kind=kind, name=item["metadata"]["name"]), item)
            for kind, plural in _PLURAL.items()
            for item in self.listed("apps", "v1", arguments.namespace, plural, labels)
        ]

    def _asked(self, call: Callable[[Any, float], Any], what: str) -> Mapping[str, Any]:
        """One call, once. Every way it can go wrong is an ``ActionError``."""
        api, failure = self._api()
        seconds = self.policy.timeout_seconds
        try:
            answer = asked(seconds, lambda: call(api, seconds))
        except NotSentError as error:
            raise ActionError(
                f"Kubernetes cannot be reached ({_kind(error.cause)}) to be asked about {what}; see actions.kubernetes.url"
            ) from None
        except failure as error:
            raise _refusal(error, what) from None
        except (TimeoutError, HTTPError, OSError) as error:
            said = "gave no answer in time" if _is_late(error) else f"broke off ({type(error).__name__})"
            raise NoAnswer(f"Kubernetes {said} when asked about {what}; see actions.kubernetes.url") from None
        if not isinstance(answer, Mapping):
            raise ActionError(f"Kubernetes answered no object when asked about {what}; is this its API?")
        return answer

    def _api(self) -> tuple[Any, type[Exception]]:
        """The client and what it raises; made once."""
        with self._lock:
            try:
                from kubernetes.client import ApiException
            except ImportError:
                raise ActionError(
                    "the client of Kubernetes is missing; pip install 'probable-cause[kubernetes]'"
                ) from None
            if self._made is None:
                self._made = _client(self.policy, self._token)
            return self._made, ApiException


def _client(policy: KubernetesPolicy, token: SecretStr | None) -> Any:  # noqa: ANN401 - its types differ by version
    from kubernetes import client, config

    logging.getLogger("kubernetes").setLevel(logging.WARNING)  # it would log the bodies of answers
    configuration = client.Configuration()
    header = None
    try:
        if policy.url:
            configuration.host, configuration.proxy = policy.url.rstrip("/"), None
            configuration.ssl_ca_cert, configuration.verify_ssl = policy.ca_file or None, policy.verify
            header = f"Bearer {token.get_secret_value()}" if token else None
        elif policy.kubeconfig is not None:
            config.load_kube_config(  # type: ignore[no-untyped-call]
                str(policy.kubeconfig.expanduser()), policy.context or None, configuration
            )
        else:
            config.load_config(  # type: ignore[no-untyped-call]
                context=policy.context or None, client_configuration=configuration
            )
    except (config.ConfigException, OSError, TypeError, ValueError) as error:
        raise ActionError(
            f"no cluster is configured ({type(error).__name__}); set actions.kubernetes.url or kubeconfig"
        ) from None
    configuration.retries = False  # an action is sent once, and never to where a redirect points
    made = client.ApiClient(configuration, "Authorization" if header else None, header)
    note_sending(made.rest_client.pool_manager)
    # Some versions of the client would send a strategic merge, in which what is left out stays.
    made.default_headers["Content-Type"] = "application/merge-patch+json"
    return client.CustomObjectsApi(made)


def _place(workload: Workload) -> dict[str, Any]:
    return {
        "group": "apps", "version": "v1", "namespace": workload.namespace, "plural": _PLURAL[workload.kind],
        "name": workload.name,
    }  # fmt: skip


def _kind(cause: Exception) -> str:
    """The client hides an error of TLS in a failure without a status."""
    return (
        str(getattr(cause, "reason", "")).partition("\n")[0]
        if getattr(cause, "status", None) == 0
        else type(cause).__name__
    )


def _is_late(error: Exception) -> bool:
    return isinstance(error, TimeoutError | ReadTimeoutError)


def _refusal(error: Any, what: str) -> ActionError:  # noqa: ANN401 - ApiException of a library that may be missing
    status = int(error.status or 0)
    if not status:  # the client's own word for a connection that broke, not an answer of the cluster
        return NoAnswer(f"Kubernetes broke off when asked about {what}; see actions.kubernetes.url")
    try:
        said = str(json.loads(error.body or "{}").get("message", ""))[:300]
    except (ValueError, AttributeError):
        said = ""
    kind = NoAnswer if status in GATEWAY_GAVE_UP else {404: Missing, 409: Conflict}.get(status, ActionError)
    hint = _REMEDY.get(status, "it is in trouble" if status >= 500 else "see actions.kubernetes.url")
    return kind(f"Kubernetes answered {status} about {what}: {hint}{f' ({said})' if said else ''}")
