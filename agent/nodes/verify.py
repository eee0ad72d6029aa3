"""verify: after an action, measure the predicted series again and say whether the symptom went away."""

import asyncio
import json

import numpy as np
from langgraph.runtime import Runtime

from agent.acting import Grounds
from agent.bench import Bench
from agent.state import ActionResult, Investigation, Outcome, Prediction, Question, Verification
from diagnosis.symptoms import amount
from diagnosis.telemetry import SeriesKey, SeriesMatrix
from tools.spec import ToolName

_PAUSE_SECONDS = 10.0
_BEFORE_SECONDS = 300.0
_LATEST = 3  # samples that must be on the predicted side, so that one good minute is no recovery
_WORSE = 1.25  # times as far from the prediction as before the action


async def verify(state: Investigation, runtime: Runtime[Bench]) -> Investigation:
    """Watch until the prediction comes true or the time is up; where it did not, offer the way back."""
    bench, prediction = runtime.context, state["verdict"].prediction
    last = _last_done(state, bench)
    if last is None:
        return {"verification": state.get("verification")}
    if prediction is None:
        said = "there was no prediction to compare with: look whether it helped"
        return {"verification": Verification(outcome="no_fresh_data", sentence=said, action_key=last.action_key)}
    before = await _level(prediction, last.at - _BEFORE_SECONDS, last.at, f"{last.action_key[:8]}-before", bench)
    found = await _watch(prediction, last, before, bench)
    if found.outcome not in ("not_recovered", "worse"):
        return {"verification": found}
    action = next(action for action in state["actions"] if action.key == last.action_key)
    undo = await bench.acting.offer_undo(state["id"], action, Grounds(found.sentence))
    kept = [action for action in state["actions"] if undo is None or action.key != undo.key]
    return {"verification": found, "actions": [*kept, undo] if undo else kept}


async def has_recovered(state: Investigation, bench: Bench) -> str:
    """What shows that the symptom is gone already, or ""; only telemetry after the looked-at window counts."""
    prediction, end = state["verdict"].prediction, state["scope"].end
    now = bench.now()
    if prediction is None or now - end < 2 * _PAUSE_SECONDS:
        return ""
    samples = await _samples(prediction, max(end, now - _BEFORE_SECONDS), now, f"now-{int(now)}", bench)
    if samples.size >= _LATEST and _holds(prediction, samples[-_LATEST:]):
        return f"{prediction.entity} {prediction.metric} is back at {amount(float(samples[-1]))} without it"
    return ""


def _last_done(state: Investigation, bench: Bench) -> ActionResult | None:
    """The action whose effect is to be looked at: the last that took effect and was not looked at yet."""
    seen = state.get("verification")
    mending = {action.key for action in state["actions"] if bench.acting.mends(action)}
    results = state.get("action_results", [])
    done = [result for result in results if result.outcome == "done" and result.action_key in mending]
    return None if not done or (seen and seen.action_key == done[-1].action_key) else done[-1]


async def _watch(prediction: Prediction, done: ActionResult, before: float | None, bench: Bench) -> Verification:
    until, look = done.at + bench.verify_seconds, 0
    while True:
        now = bench.now()
        samples = await _samples(
            prediction, done.at, max(now, done.at + 1.0), f"{done.action_key[:8]}-{look:03}", bench
        )
        found = judge(prediction, samples, before, done.action_key)
        if found.outcome == "recovered" or now >= until:
            return found
        look += 1
        await asyncio.sleep(min(_PAUSE_SECONDS, max(until - now, 0.1)))


def judge(prediction: Prediction, samples: np.ndarray, before: float | None, action_key: str = "") -> Verification:
    """Recovered when the latest samples are on the predicted side; worse when they are further from it than before."""
    name = f"{prediction.entity} {prediction.metric}"
    if not samples.size:
        said = f"no samples of {name} after the action yet"
        return Verification(outcome="no_fresh_data", sentence=said, before=before, action_key=action_key)
    level = float(np.median(samples[-_LATEST:]))
    told = {"before": before, "level": level, "action_key": action_key}
    was = f" (it was {amount(before)} before the action)" if before is not None else ""
    if _holds(prediction, samples[-_LATEST:]):
        return Verification(outcome="recovered", sentence=f"{name} is back at {amount(level)}{was}", **told)
    if before is not None and _distance(prediction, level) > _WORSE * _distance(prediction, before) > 0:
        return Verification(outcome="worse", sentence=f"{name} is worse, at {amount(level)}{was}", **told)
    return Verification(outcome="not_recovered", sentence=f"{name} is still at {amount(level)}{was}", **told)


def _holds(prediction: Prediction, samples: np.ndarray) -> bool:
    below = prediction.below is None or bool((samples < prediction.below).all())
    above = prediction.above is None or bool((samples > prediction.above).all())
    return below and above


def _distance(prediction: Prediction, level: float) -> float:
    """How far a level is on the wrong side."""
    if prediction.below is not None:
        return max(level - prediction.below, 0.0)
    return max(prediction.above - level, 0.0) if prediction.above is not None else 0.0


async def _level(prediction: Prediction, start: float, end: float, id: str, bench: Bench) -> float | None:
    samples = await _samples(prediction, start, end, id, bench)
    return float(np.median(samples[-_LATEST:])) if samples.size else None


async def _samples(prediction: Prediction, start: float, end: float, id: str, bench: Bench) -> np.ndarray:
    """Finite samples of the predicted series, in order of time."""
    arguments = {"entities": [prediction.entity], "metrics": [prediction.metric], "start": start, "end": end}
    question = Question(
        id=f"V-{id}", tool=ToolName.QUERY_METRICS, arguments=json.dumps(arguments, sort_keys=True),
        reason="did the symptom go away?",
    )  # fmt: skip
    evidence = await bench.toolbelt.ask(question)
    body = bench.store.get(evidence.digest) if evidence.outcome is Outcome.ROWS and evidence.digest else None
    row = body.row(SeriesKey(prediction.entity, prediction.metric)) if isinstance(body, SeriesMatrix) else None
    if row is None or not isinstance(body, SeriesMatrix):
        return np.empty(0)
    return row[np.isfinite(row) & (body.times >= start)]
