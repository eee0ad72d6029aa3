"""The bundled incident in live systems: the same data behind real Prometheus and an OpenSearch API."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from opensearchpy import OpenSearch
from osmem_server import OsmemServer

from evals.lab import bundled_incident
from evals.live_copy import index_logs_and_spans, metrics_of, write_blocks
from tests.prometheus_server import require_prometheus, running


@dataclass(frozen=True)
class LiveIncident:
    prometheus: str
    opensearch: str

    @property
    def prometheus_port(self) -> int:
        return urlsplit(self.prometheus).port or 0

    @property
    def opensearch_port(self) -> int:
        return urlsplit(self.opensearch).port or 0


@pytest.fixture(scope="session")
def live_incident(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveIncident]:
    require_prometheus()
    folder: Path = tmp_path_factory.mktemp("incident")
    write_blocks(metrics_of(bundled_incident()), folder / "data")
    server = OsmemServer.start(japanese=False)
    try:
        client = OpenSearch(server.url)
        index_logs_and_spans(bundled_incident(), client)
        client.close()
        with running(folder / "data", folder, "global: {scrape_interval: 15s}\n") as address:
            yield LiveIncident(address, server.url)
    finally:
        server.close()
        for pipe in (server.process.stdout, server.process.stderr):  # the library leaves them open
            if pipe is not None:
                pipe.close()
