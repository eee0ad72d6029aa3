"""Puts a world together, piece by piece, and takes it apart again whatever happens."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from evals.lab.acting import Acting
from evals.lab.agent_server import AgentServer, Listener, Responder
from evals.lab.certificates import Certificates
from evals.lab.change_maker import ChangeMaker
from evals.lab.guard import Guard
from evals.lab.links import Links
from evals.lab.load import Load, LoadProfile
from evals.lab.monitoring import start_alertmanager, start_prometheus
from evals.lab.opensearch_server import Engine, start_search
from evals.lab.platform_api import PlatformApi
from evals.lab.processes import SERVICES, Shop, Wiring
from evals.lab.resolver import Resolver
from evals.lab.server_process import Server, free_port
from evals.lab.shipper import Shipper
from evals.lab.source_tree import SourceTree
from evals.lab.world import World

VOLUME_BYTES = 8_000_000
MEMORY_BYTES = 160_000_000
_TLS_SERVICE = "shipping"
_SHIPPED_AFTER_SECONDS = 60.0


@dataclass(frozen=True)
class WorldOptions:
    """``investigate`` False puts a mere listener in the agent's place; ``classpath`` is that of the real OpenSearch.

    ``act`` lets the agent act on the shop once a person approves. ``settings`` and ``variables`` are added to its settings
    and to its environment; ``with_slack`` runs ``pcause slack`` beside it.
    """

    engine: Engine = Engine.AUTO
    classpath: Path | None = None
    investigate: bool = True
    act: bool = False
    settings: Mapping[str, object] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    with_slack: bool = False


@contextmanager
def assemble(options: WorldOptions, profile: LoadProfile, say: Callable[[str], None]) -> Iterator[World]:
    """A world under load. Raises ``ServerError`` or ``StartError`` where a part does not come up.

    Every process, port and file of it is gone when the context is left.
    """
    with ExitStack() as stack:
        guard = stack.enter_context(Guard())
        run = guard.folder / "run"
        run.mkdir()
        tree = SourceTree(guard.folder / "source", time.time())
        shop = Shop(guard, run)
        stack.callback(shop.stop)
        links = Links(shop.ports)
        stack.callback(links.stop)
        resolver = Resolver(SERVICES)
        stack.callback(resolver.stop)
        certificates = Certificates(guard.folder / "certificates", _TLS_SERVICE)
        search = start_search(guard, options.engine, options.classpath)
        say(f"{search.name} keeps logs and spans")
        memory = dict.fromkeys(SERVICES, MEMORY_BYTES)
        shop.start(tree.release, Wiring(links.ports, resolver.port, certificates.paths, VOLUME_BYTES, memory))
        shipper = Shipper(run, search.url)
        stack.callback(shipper.stop)
        shipper.start()
        acting = Acting(free_port()) if options.act else None
        prometheus, responder = _watchers(guard, stack, shop, search, tree, options, acting)
        load = Load(links.ports["gateway"], profile)
        stack.callback(load.stop)
        load.start()
        maker = ChangeMaker(shop, tree, run, responder.tell_change)
        if acting is not None:
            stack.callback(PlatformApi(acting.platform_port, acting.secret.encode(), maker).close)
        maker.tell_what_runs(tree.imported_at + _SHIPPED_AFTER_SECONDS)
        yield World(
            folder=run, guard=guard, shop=shop, links=links, resolver=resolver, certificates=certificates, load=load,
            maker=maker, prometheus=prometheus, search=search,
            shipper=shipper, responder=responder, volume_bytes=VOLUME_BYTES,
            memory_bytes=MEMORY_BYTES,
        )  # fmt: skip


def _watchers(
    guard: Guard, stack: ExitStack, shop: Shop, search: Server, tree: SourceTree, options: WorldOptions,
    acting: Acting | None,
) -> tuple[Server, Responder]:  # fmt: skip
    """Alertmanager, Prometheus and who is told. The webhook's port is chosen first: each names the next one."""
    port = free_port()
    alertmanager = start_alertmanager(guard, f"http://127.0.0.1:{port}/webhook/alertmanager")
    prometheus = start_prometheus(guard, shop.ports, alertmanager)
    if options.investigate:
        told = (options.settings, options.variables)
        server = AgentServer(guard, port, prometheus.url, search.url, tree.repository, acting, *told)
        if options.with_slack:
            server.listen_to_slack(guard)
        return prometheus, server
    listener = Listener(port)
    stack.callback(listener.close)
    return prometheus, listener
