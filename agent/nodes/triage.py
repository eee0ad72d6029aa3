"""triage: what is known about the alert's world: which series exist, who calls whom, and when to look."""

import asyncio
import json

from langgraph.runtime import Runtime

from agent.alerted_metric import resolve_metric
from agent.bench import Bench
from agent.state import Alert, Evidence, Investigation, Outcome, Question, Scope
from diagnosis.delivery import entity_stem
from diagnosis.telemetry import Topology
from tools.spec import MetricCatalogue, ToolName

_LOOK_BACK_SECONDS = 3 * 3600.0  # long enough for a baseline and for yesterday's deploy to be visible as a level
_LOOK_AHEAD_SECONDS = 600.0  # what came in while the alert travelled


async def triage(state: Investigation, runtime: Runtime[Bench]) -> Investigation:
    """Ask for the catalogue and the topology, settle the alerted entity and the window."""
    bench, alert = runtime.context, state["alert"]
    then = json.dumps({"around": alert.fired_at})
    catalogue, topology = await asyncio.gather(
        bench.toolbelt.ask(
            Question(id="Q000", tool=ToolName.LIST_METRICS, arguments=then, reason="which series exist, since when?")
        ),
        bench.toolbelt.ask(Question(id="Q001", tool=ToolName.GET_TOPOLOGY, arguments=then, reason="who calls whom?")),
    )
    known = _entities(catalogue, topology, bench)
    entity = resolve_entity(alert, known)
    start, end = _window(alert, catalogue, bench)
    metric = resolve_metric(alert, _metrics_of(entity, catalogue, bench))
    return {
        "alert": alert.model_copy(update={"entity": entity, "metric": metric}),
        "scope": Scope(entities=(entity,) if entity else (), start=start, end=end),
        "evidence": [catalogue, topology],
        "round": 0,
    }


def _body(evidence: Evidence, bench: Bench) -> object:
    return bench.store.get(evidence.digest) if evidence.outcome is Outcome.ROWS and evidence.digest else None


def _entities(catalogue: Evidence, topology: Evidence, bench: Bench) -> frozenset[str]:
    names: set[str] = set()
    body = _body(catalogue, bench)
    if isinstance(body, MetricCatalogue):
        names |= {entity for entity, _ in body.metrics}
    graph = _body(topology, bench)
    if isinstance(graph, Topology):
        names |= {node.name for node in graph.nodes}
    return frozenset(names)


def _metrics_of(entity: str, catalogue: Evidence, bench: Bench) -> tuple[str, ...]:
    body = _body(catalogue, bench)
    return dict(body.metrics).get(entity, ()) if isinstance(body, MetricCatalogue) else ()


def resolve_entity(alert: Alert, known: frozenset[str]) -> str:
    """The alert's entity as the telemetry calls it: the same name, the same stem, or one that the summary names."""
    if not known or alert.entity in known:
        return alert.entity
    stem = entity_stem(alert.entity) if alert.entity else frozenset()
    same = sorted(name for name in known if stem and entity_stem(name) == stem)
    if same:
        return same[0]
    text = f"{alert.entity} {alert.name} {alert.summary}".lower()
    named = sorted((name for name in known if name.lower() in text), key=lambda name: (-len(name), name))
    return named[0] if named else alert.entity


def _window(alert: Alert, catalogue: Evidence, bench: Bench) -> tuple[float, float]:
    """Three hours back and ten minutes on, cut to what there is; a recording may be shorter."""
    start, end = alert.fired_at - _LOOK_BACK_SECONDS, alert.fired_at + _LOOK_AHEAD_SECONDS
    body = _body(catalogue, bench)
    if isinstance(body, MetricCatalogue) and body.start < alert.fired_at and body.end > start:
        start, end = max(start, body.start), min(end, body.end + 1.0)
        end = max(end, alert.fired_at)
    if alert.until is not None and alert.until > start:
        end = min(end, alert.until)
    return start, end
