"""verify: after an action, measure the predicted series again and say whether the symptom went away."""

import json

import numpy as np
from langgraph.runtime import Runtime

from agent.bench import Bench
from agent.state import Investigation, Outcome, Prediction, Question, Verification
from diagnosis.symptoms import amount
from diagnosis.telemetry import SeriesKey, SeriesMatrix
from tools.spec import ToolName

_LOOK_AHEAD_SECONDS = 900.0


async def verify(state: Investigation, runtime: Runtime[Bench]) -> Investigation:
    """Compare the prediction with what was measured after the window; without fresh samples say so."""
    bench, prediction = runtime.context, state["verdict"].prediction
    if prediction is None or not any(result.outcome == "done" for result in state.get("action_results", [])):
        return {"verification": None}
    end = state["scope"].end
    arguments = {
        "entities": [prediction.entity],
        "metrics": [prediction.metric],
        "start": end,
        "end": end + _LOOK_AHEAD_SECONDS,
    }
    question = Question(
        id="Q900",
        tool=ToolName.QUERY_METRICS,
        arguments=json.dumps(arguments, sort_keys=True),
        reason="did the symptom go away?",
    )
    evidence = await bench.toolbelt.ask(question)
    body = bench.store.get(evidence.digest) if evidence.outcome is Outcome.ROWS and evidence.digest else None
    return {"verification": compare(prediction, body), "evidence": [evidence]}


def compare(prediction: Prediction, body: object) -> Verification:
    """Recovered when the median of the fresh samples is on the predicted side."""
    key = SeriesKey(prediction.entity, prediction.metric)
    row = body.row(key) if isinstance(body, SeriesMatrix) else None
    if row is None or not np.isfinite(row).any():
        return Verification(outcome="no_fresh_data", sentence=f"no samples of {key} after the action yet")
    level = float(np.nanmedian(row))
    below = prediction.below is None or level < prediction.below
    above = prediction.above is None or level > prediction.above
    if below and above:
        return Verification(outcome="recovered", sentence=f"{key} is back at {amount(level)}")
    return Verification(outcome="not_recovered", sentence=f"{key} is still at {amount(level)}")
