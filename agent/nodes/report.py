"""report: always runs; writes one report to the ledger and leaves only its place in the state."""

from langgraph.runtime import Runtime

from agent.bench import Bench
from agent.report.build import build_report
from agent.state import Investigation


async def report(state: Investigation, runtime: Runtime[Bench]) -> Investigation:
    """Writing again under the same id replaces the same report, so a repeat after a crash changes nothing."""
    bench = runtime.context
    finished = build_report(state, bench)
    bench.ledger.save_report(
        bench.investigation_id, finished.headline, finished.probability, finished.model_dump_json()
    )
    return {"reported": True}
