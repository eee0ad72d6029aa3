"""One question to a model through the real client: odd answers, ceilings, pauses, restarts, and what each of them costs."""

import errno
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agent.budget import Budget
from agent.ledger import CallRow, Ledger
from agent.ledger_schema import CallState
from agent.models.calling import Models, Said, Unsaid
from agent.models.policy import ModelPolicy, Part
from agent.prices import ModelPrices, TokenPrices, Tokens
from agent.prompts import Prompt
from agent.settings import Ceilings
from evals.doubles.model_scripts import dropping, failing, honest, html
from evals.doubles.scripted_model import Reply, Script, ScriptedModel, scripted_model

MODEL, FREE = "openai:scripted", "openai:free"
PRICED = ModelPrices(free=frozenset({FREE}), override={MODEL: TokenPrices(input=Decimal(1), output=Decimal(1))})
PROMPT = Prompt("read_change", "Answer in JSON.", "Is it the change?", "0" * 12)
COUNTED = {"prompt_tokens": 70, "completion_tokens": 5, "total_tokens": 75}
ANSWER = '{"cause": "yes"}'


class Answer(BaseModel):
    cause: str


def models_of(server: ScriptedModel, home: Path, ceilings: Ceilings | None = None, **policy: Any) -> Models:
    given = {"default": MODEL, "base_url": server.url, "prices": PRICED, **policy}
    return Models(ModelPolicy.model_validate(given), Budget(Ledger(home), "one", ceilings or Ceilings()))


async def ask(models: Models) -> Said[Answer] | Unsaid:
    return await models.ask(Part.READ_CHANGE, "change", PROMPT, Answer)


def calls(home: Path) -> list[CallRow]:
    return Ledger(home).calls("one")


def completion(content: object, usage: object, finish: str = "stop") -> Script:
    message = {"role": "assistant", "content": content}
    body = {
        "id": "x", "object": "chat.completion", "created": 1, "model": "scripted", "usage": usage,
        "choices": [{"index": 0, "finish_reason": finish, "message": message}],
    }  # fmt: skip
    return lambda *_: Reply(raw=json.dumps(body), headers={"Content-Type": "application/json"})


def counting(**counts: object) -> Script:
    return completion(ANSWER, {**COUNTED, **counts})


UNCOUNTED: Mapping[str, Script] = {
    "no usage": completion(ANSWER, None),
    "nulls": counting(prompt_tokens=None, completion_tokens=None, total_tokens=None),
    "no output": counting(completion_tokens=None),
    "too many": counting(prompt_tokens=10**30),
    "negative in": counting(prompt_tokens=-1000),
    "negative out": counting(completion_tokens=-50),
}


@pytest.mark.parametrize("name", UNCOUNTED)
async def test_an_answer_whose_tokens_nobody_counted_costs_the_most_it_can(name: str, tmp_path: Path):
    with scripted_model(UNCOUNTED[name]) as server:
        said = await ask(models_of(server, tmp_path))
    assert isinstance(said, Said), said
    (call,) = calls(tmp_path)
    assert call.state == CallState.SETTLED
    assert call.tokens.input > 200
    assert call.tokens.output == 900
    assert call.usd == Decimal(call.tokens.input + 900) / 1_000_000


BROKEN: Mapping[str, Script] = {
    "half tokens": counting(prompt_tokens=1000.5, completion_tokens=50.5),
    "not a number": counting(prompt_tokens=float("nan")),
    "as text": counting(prompt_tokens="many", completion_tokens="few"),
    "lone surrogate": completion("\ud800 is no JSON", COUNTED),
    "lone surrogate in JSON": completion('{"cause": 1, "\ud800": 1}', COUNTED),
    "cut, counted as null": completion('{"ca', {"prompt_tokens": None, "completion_tokens": None}, "length"),
    "cut, counted as text": completion('{"ca', {"prompt_tokens": "9", "completion_tokens": "9"}, "length"),
    "cut, surrogate": completion('{"ca\ud800', COUNTED, "length"),
    "no choices": lambda *_: Reply(raw='{"choices": []}', headers={"Content-Type": "application/json"}),
    "deep": completion("[" * 3000, COUNTED),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_an_odd_answer_breaks_nothing_and_its_call_is_closed(name: str, tmp_path: Path):
    with scripted_model(BROKEN[name]) as server:
        said = await ask(models_of(server, tmp_path))
    assert isinstance(said, Unsaid)
    made = calls(tmp_path)
    assert made
    assert {call.state for call in made} <= {CallState.SETTLED, CallState.LOST}
    assert Ledger(tmp_path).audit() == []


async def test_a_lone_surrogate_in_a_prompt_is_no_obstacle(tmp_path: Path):
    prompt = Prompt("read_change", "Answer in JSON.", "the log says \ud800", "0" * 12)
    with scripted_model(honest({"Answer": {"cause": "yes"}})) as server:
        said = await models_of(server, tmp_path).ask(Part.READ_CHANGE, "change", prompt, Answer)
    assert isinstance(said, Said), said


async def test_a_hidden_name_that_holds_a_quote_comes_back_as_it_was(tmp_path: Path):
    prompt = Prompt("read_change", "Answer in JSON.", 'is it the chec"kout?', "0" * 12)

    def repeat(request: Mapping[str, Any]) -> Mapping[str, Any]:
        asked = request["messages"][-1]["content"]
        assert "kout" not in asked
        return {"cause": asked.removeprefix("is it the ").removesuffix("?")}

    with scripted_model(honest({"Answer": repeat})) as server:
        models = models_of(server, tmp_path, mask=True, mask_names=('chec"kout',))
        said = await models.ask(Part.READ_CHANGE, "change", prompt, Answer)
    assert isinstance(said, Said), said
    assert said.value.cause == 'chec"kout'
    assert server.calls == 1


FATES: Mapping[str, tuple[Script, CallState]] = {
    "refused": (failing(400), CallState.REFUNDED),
    "over its limit": (failing(429, 60), CallState.REFUNDED),
    "timed out there": (failing(408), CallState.LOST),
    "failed after the answer": (failing(504), CallState.LOST),
    "broke off": (dropping(), CallState.LOST),
    "no JSON": (html(), CallState.LOST),
}


@pytest.mark.parametrize("name", FATES)
async def test_only_what_was_surely_not_used_is_given_back(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("agent.models.failures._AGAIN_AFTER_SECONDS", 0.01)
    script, state = FATES[name]
    with scripted_model(script) as server:
        assert isinstance(await ask(models_of(server, tmp_path)), Unsaid)
    assert {call.state for call in calls(tmp_path)} == {state}


async def test_a_model_that_is_not_reached_or_cannot_be_asked_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with scripted_model(honest()) as server:
        away = await ask(models_of(server, tmp_path / "away", base_url="http://127.0.0.1:1/v1"))
        no_key = await ask(models_of(server, tmp_path / "key", base_url=""))
    assert isinstance(away, Unsaid)
    assert "cannot be reached" in away.reason
    assert isinstance(no_key, Unsaid)
    assert "key" in no_key.reason
    assert {call.state for home in ("away", "key") for call in calls(tmp_path / home)} == {CallState.REFUNDED}


async def test_a_ceiling_that_refuses_one_model_leaves_the_free_one(tmp_path: Path):
    dear = ModelPrices(
        free=frozenset({FREE}), override={MODEL: TokenPrices(input=Decimal(10**5), output=Decimal(10**5))}
    )
    with scripted_model(honest({"Answer": {"cause": "yes"}})) as server:
        said = await ask(models_of(server, tmp_path / "free", fallbacks=(FREE,), prices=dear))
        nobody = await ask(models_of(server, tmp_path / "none", Ceilings(tokens_in=10), fallbacks=(FREE,)))
    assert isinstance(said, Said), said
    assert said.model == FREE
    assert isinstance(nobody, Unsaid)
    assert MODEL in nobody.reason
    assert FREE in nobody.reason


@pytest.mark.parametrize(("seconds", "paused"), [(4.0, []), (11.0, []), (60.0, [9.0])])
async def test_it_pauses_only_where_there_is_time_after_it(seconds: float, paused: list[float], tmp_path: Path):
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    with scripted_model(failing(429, 9)) as server:
        asked = models_of(server, tmp_path, Ceilings(seconds=seconds))
        await ask(Models(asked.policy, asked.budget, pause=pause))
    assert pauses == paused


async def test_an_answer_from_before_a_restart_keeps_the_name_of_its_model(tmp_path: Path):
    with scripted_model(honest()) as server:
        models = models_of(server, tmp_path)
        models.budget.reserve_model("M-change-1", "read_change", "openai:earlier", "{}", 10, 10, Decimal(0))
        models.budget.settle_model("M-change-1", Tokens(9, 9), 0.1, Decimal(0), ANSWER)
        said = await ask(models)
    assert not server.calls
    assert isinstance(said, Said), said
    assert said.model == "openai:earlier"


class Unsettling(Budget):
    """A budget that cannot settle what a model used."""

    def settle_model(self, *_: object) -> None:
        raise ValueError("no such row")


async def test_an_answer_that_cannot_be_settled_is_lost_and_harms_nothing(tmp_path: Path):
    with scripted_model(honest({"Answer": {"cause": "yes"}})) as server:
        policy = models_of(server, tmp_path).policy
        said = await ask(Models(policy, Unsettling(Ledger(tmp_path), "one", Ceilings())))
    assert isinstance(said, Unsaid)
    assert "could not be kept" in said.reason
    assert [call.state for call in calls(tmp_path)] == [CallState.LOST]


async def test_a_fault_of_our_own_is_no_answer_and_a_full_disk_is_raised(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    def raising(error: Exception) -> Callable[[float], Any]:
        def pause(_: float) -> None:
            raise error

        return pause

    with scripted_model(failing(500)) as server:
        asked = models_of(server, tmp_path)
        said = await ask(Models(asked.policy, asked.budget, pause=raising(KeyError("the prompt"))))
        with pytest.raises(OSError, match="full"):
            await ask(Models(asked.policy, asked.budget, pause=raising(OSError(errno.ENOSPC, "full"))))
    assert isinstance(said, Unsaid)
    assert "KeyError" in said.reason
    assert "KeyError" in caplog.text
    assert "the prompt" not in caplog.text


async def test_a_model_that_thinks_is_asked_for_four_times_as_much_and_that_is_reserved(tmp_path: Path):
    thinking = "openai:gpt-5-mini"
    free = ModelPrices(free=frozenset({thinking}))
    with scripted_model(html()) as server:
        await ask(models_of(server, tmp_path, default=thinking, prices=free))
    assert server.requests[0]["max_completion_tokens"] == 3600
    assert [call.tokens.output for call in calls(tmp_path)] == [3600]


@pytest.mark.parametrize("temperature", [None, 0.0])
async def test_a_temperature_is_sent_only_where_it_is_set(temperature: float | None, tmp_path: Path):
    with scripted_model(honest({"Answer": {"cause": "yes"}})) as server:
        await ask(models_of(server, tmp_path, temperature=temperature))
    assert server.requests[0].get("temperature") == temperature
    assert ("temperature" in server.requests[0]) == (temperature is not None)
