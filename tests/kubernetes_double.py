"""A Kubernetes API that speaks HTTP to the real client: workloads with their revisions, merge patches, dry runs.

It keeps what the real one promises: a patch with another ``resourceVersion`` is a conflict, ``generation`` counts changes
of the spec, a changed template becomes a revision, ``dryRun=All`` changes nothing.
"""

import copy
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "token-of-the-cluster"
_REVISION = "deployment.kubernetes.io/revision"
Path = tuple[str, str, str]  # namespace, plural, name


@dataclass
class Kubernetes:
    """``before_patch`` runs before each patch is looked at; ``lose_answers`` takes patches and hangs up."""

    url: str = ""
    objects: dict[Path, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    forbidden: set[str] = field(default_factory=set)
    before_patch: Callable[[], None] | None = None
    lose_answers: bool = False
    status: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, kind: str, name: str, template: dict[str, Any], namespace: str = "shop", replicas: int = 3) -> Path:
        """A workload that was rolled out once; roll out others with ``roll_out``."""
        path = (namespace, f"{kind.lower()}s", name)
        self.objects[path] = {
            "apiVersion": "apps/v1",
            "kind": kind,
            "metadata": {
                "name": name, "namespace": namespace, "uid": str(uuid.uuid4()), "generation": 1,
                "resourceVersion": "1", "labels": {"app.kubernetes.io/name": name},
            },
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template},
            "status": {"observedGeneration": 1},
        }  # fmt: skip
        if kind == "DaemonSet":
            del self.objects[path]["spec"]["replicas"]
        self._control(self.objects[path], path)
        return path

    def roll_out(self, path: Path, template: dict[str, Any]) -> None:
        """What somebody with kubectl does."""
        with self.lock:
            changed = copy.deepcopy(self.objects[path])
            changed["spec"]["template"] = template
            self._store(path, changed)

    def touch(self, path: Path) -> None:
        """Its state changes, not what is wanted of it."""
        with self.lock:
            now = self.objects[path]
            now["status"]["readyReplicas"] = now["status"].get("readyReplicas", 0) + 1
            now["metadata"]["resourceVersion"] = str(int(now["metadata"]["resourceVersion"]) + 1)

    def patches(self) -> list[str]:
        return [path for method, path in self.requests if method == "PATCH" and "dryRun" not in path]

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> tuple[int, dict[str, Any]]:
        split = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        parts = [unquote(part) for part in split.path.strip("/").split("/")]
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return _refusal(401, "Unauthorized")
        if parts[:1] != ["apis"] or len(parts) < 6:
            return _refusal(404, "the server could not find the requested resource")
        namespace, plural, name = parts[4], parts[5], parts[6] if len(parts) > 6 else ""
        if f"{method} {plural}" in self.forbidden:
            return _refusal(403, f"{plural} is forbidden: the account cannot {method.lower()} it")
        with self.lock:
            if not name:
                return 200, self._list(namespace, plural, query.get("labelSelector", ""))
            if method == "PATCH" and self.before_patch is not None and "dryRun" not in query:
                self.before_patch()
            if (namespace, plural, name) not in self.objects:
                return _refusal(404, f'{plural}.apps "{name}" not found')
            if method == "GET":
                return 200, self.objects[namespace, plural, name]
            if headers.get("Content-Type") != "application/merge-patch+json":
                return _refusal(415, "this double takes merge patches only")
            return self._patch((namespace, plural, name), json.loads(body), query.get("dryRun") == "All")

    def _list(self, namespace: str, plural: str, selector: str) -> dict[str, Any]:
        wanted = dict(part.split("=", 1) for part in selector.split(",") if part)
        items = [
            item for (at, kind, _), item in self.objects.items()
            if (at, kind) == (namespace, plural) and wanted.items() <= item["metadata"].get("labels", {}).items()
        ]  # fmt: skip
        return {"metadata": {"resourceVersion": "1"}, "items": items}

    def _patch(self, path: Path, patch: dict[str, Any], dry: bool) -> tuple[int, dict[str, Any]]:
        now = self.objects[path]
        asked = patch.get("metadata", {}).get("resourceVersion")
        if asked is not None and asked != now["metadata"]["resourceVersion"]:
            return _refusal(409, "the object has been modified; please apply your changes to the latest version")
        changed = _merged(copy.deepcopy(now), patch)
        if changed["spec"].get("replicas", 0) > 1000:
            return _refusal(422, "spec.replicas: too many")
        if dry:
            return 200, changed
        self._store(path, changed)
        return 200, self.objects[path]

    def _store(self, path: Path, changed: dict[str, Any]) -> None:
        metadata, now = changed["metadata"], self.objects[path]
        metadata["resourceVersion"] = str(int(now["metadata"]["resourceVersion"]) + 1)
        if changed["spec"] != now["spec"]:
            metadata["generation"] = now["metadata"]["generation"] + 1
        self.objects[path] = changed
        self._control(changed, path)

    def _control(self, item: dict[str, Any], path: Path) -> None:
        """The controller: the template is a revision, the newest one."""
        namespace, plural, name = path
        deployment = plural == "deployments"
        place = "replicasets" if deployment else "controllerrevisions"
        owned = [
            other for (at, kind, _), other in self.objects.items()
            if (at, kind) == (namespace, place) and other["metadata"]["ownerReferences"][0]["uid"] == item["metadata"]["uid"]
        ]  # fmt: skip
        template = copy.deepcopy(item["spec"]["template"])
        newest = max((_number(other) for other in owned), default=0)
        same = next((other for other in owned if _plain(other) == template), None)
        if same is None:
            made = f"{name}-{uuid.uuid4().hex[:8]}"
            same = {
                "metadata": {
                    "name": made, "namespace": namespace, "labels": {"app": name}, "annotations": {},
                    "ownerReferences": [{"uid": item["metadata"]["uid"], "controller": True}],
                }
            }  # fmt: skip
            if deployment:
                template.setdefault("metadata", {}).setdefault("labels", {})["pod-template-hash"] = made[-8:]
                same["spec"] = {"template": template}
            else:
                same["data"] = {"spec": {"template": {**template, "$patch": "replace"}}}
            self.objects[namespace, place, made] = same
        if _number(same) != newest or not newest:
            same["metadata"]["annotations"][_REVISION] = str(newest + 1)
            same["revision"] = newest + 1
        if deployment:
            item["metadata"].setdefault("annotations", {})[_REVISION] = str(_number(same))
        else:
            item["status"]["updateRevision"] = same["metadata"]["name"]
        item["status"]["observedGeneration"] = item["metadata"]["generation"]


def _number(revision: dict[str, Any]) -> int:
    return int(revision.get("revision", 0))


def _plain(revision: dict[str, Any]) -> dict[str, Any]:
    source = revision.get("spec") or revision["data"]["spec"]
    template: dict[str, Any] = copy.deepcopy(source["template"])
    template.pop("$patch", None)
    template.get("metadata", {}).get("labels", {}).pop("pod-template-hash", None)
    return template


def _merged(now: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = now if isinstance(now, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), value)
    return result


def _refusal(status: int, message: str) -> tuple[int, dict[str, Any]]:
    return status, {"kind": "Status", "status": "Failure", "code": status, "message": message}


@contextmanager
def kubernetes_double() -> Iterator[Kubernetes]:
    """A cluster with nothing in it."""
    cluster = Kubernetes()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            cluster.requests.append((self.command, self.path))
            if cluster.status:
                status, answer = _refusal(cluster.status, "not now")
            else:
                status, answer = cluster.answer(self.command, self.path, self.headers, body)
            if cluster.lose_answers and self.command == "PATCH" and "dryRun" not in self.path:
                time.sleep(0.05)
                self.close_connection = True
                return
            raw = json.dumps(answer).encode()
            try:
                self._say(status, raw)
            except OSError:  # whoever asked did not wait
                self.close_connection = True

        def _say(self, status: int, raw: bytes) -> None:
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_PATCH = do_POST = do_PUT = do_DELETE = _do  # noqa: N815 - names of the library

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    cluster.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield cluster
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
