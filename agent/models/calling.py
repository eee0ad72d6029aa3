"""One question to a model: paid for before it is asked, cleaned of secrets, answered in a shape or not at all.

A chain of models is tried; each gets one more try after a 429 or a 5xx and one repair of an answer that has the wrong
shape. Every attempt is a call of the ledger, so that a crash pays for nothing twice and a replay asks nobody.
"""

import asyncio
import json
import logging
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from agent.budget import Budget
from agent.ledger import CallRow, CeilingReached
from agent.models.clients import Turn, invoke
from agent.models.failures import Failure, failure_of, refused
from agent.models.policy import ModelPolicy, Part
from agent.models.reading import Reply, value_of, writable
from agent.models.telemetry import observed
from agent.models.thread import in_thread
from agent.prices import UnknownPrice, price, worst_price
from agent.prompts import Prompt
from agent.redaction import Masker, cut_secrets
from agent.storage_trouble import is_storage_trouble

T = TypeVar("T", bound=BaseModel)
_log = logging.getLogger(__name__)
_LEAST_SECONDS = 1.0  # what must be left after a pause for another try to be worth it


@dataclass(frozen=True, slots=True)
class Said(Generic[T]):
    """An answer in its shape, and who gave it to which wording of the prompt."""

    value: T
    part: Part
    model: str
    prompt: str


@dataclass(frozen=True, slots=True)
class Unsaid:
    """No model answered; ``reason`` is a phrase for people."""

    reason: str


class Models:
    """The models of one investigation. ``recorded`` are the calls that a replay answers from; None asks for real."""

    def __init__(
        self, policy: ModelPolicy, budget: Budget, recorded: Mapping[str, CallRow] | None = None,
        pause: Callable[[float], Any] = asyncio.sleep,
    ) -> None:  # fmt: skip
        self.policy, self.budget = policy, budget
        self._recorded, self._pause = recorded, pause
        self._masker = Masker(policy.mask_names)

    async def ask(self, part: Part, name: str, prompt: Prompt, shape: type[T]) -> Said[T] | Unsaid:
        """``name`` tells this question from the others of the investigation, the same after a restart.

        Whatever goes wrong with a model is an ``Unsaid``; a full disk is raised, for the investigation goes on after it.
        """
        try:
            if self._recorded is not None:
                return self._as_recorded(self._recorded, part, name, prompt, shape)
            return await self._asked(part, name, prompt, shape)
        except Exception as error:
            if is_storage_trouble(error):
                raise
            # Where, and not what: the message may repeat a prompt.
            where = "".join(traceback.format_tb(error.__traceback__))
            _log.error("asking %s broke off with %s:\n%s", name, type(error).__name__, where)
            return Unsaid(f"asking broke off with {type(error).__name__}")

    async def _asked(self, part: Part, name: str, prompt: Prompt, shape: type[T]) -> Said[T] | Unsaid:
        failed: list[str] = []
        attempt = 0
        for model in self.policy.chain(part):
            turns: list[Turn] = [("system", prompt.system), ("user", prompt.user)]
            retried = repaired = False
            while True:
                attempt += 1
                reply = await self._reply(f"M-{name}-{attempt}", part, model, turns, shape)
                if isinstance(reply, Failure):
                    if reply.retry_seconds is None or retried or not self._is_soon(reply.retry_seconds):
                        failed.append(f"{model}: {reply.reason}")
                        break
                    retried = True
                    await self._pause(reply.retry_seconds)
                    continue
                value = value_of(reply.text, shape)
                if not isinstance(value, str):
                    return Said(value, part, reply.model or model, prompt.digest)
                if repaired:
                    failed.append(f"{model}: it answered in no usable form twice")
                    break
                repaired = True
                wrong = "it was too long and broke off, so say less" if reply.cut else value
                turns += [
                    ("assistant", reply.text[:2000]),
                    ("user", f"That does not fit: {wrong}. Answer again in JSON."),
                ]
        return Unsaid("; ".join(failed) or "no model is set for this")

    def _is_soon(self, pause_seconds: float) -> bool:
        """Whether another try after this pause has time to be answered."""
        return pause_seconds < self.budget.model_seconds_left() - _LEAST_SECONDS

    @staticmethod
    def _as_recorded(
        recorded: Mapping[str, CallRow], part: Part, name: str, prompt: Prompt, shape: type[T]
    ) -> Said[T] | Unsaid:
        """What the recorded investigation was told at last."""
        for row in reversed(list(recorded.values())):
            if row.call_id.rpartition("-")[0] == f"M-{name}":
                value = value_of(row.answer, shape)
                if not isinstance(value, str):
                    return Said(value, part, row.model, prompt.digest)
        return Unsaid("none did in the recorded investigation")

    async def _reply(
        self, id: str, part: Part, model: str, turns: Sequence[Turn], shape: type[BaseModel]
    ) -> Reply | Failure:
        """One attempt, from the ledger where it was made before. A ceiling fails this model only: a free one may follow."""
        masks = self.policy.masks(model)
        cleaned = [(who, self._outgoing(text, masks)) for who, text in turns]
        request = json.dumps({"turns": cleaned, "shape": shape.__name__}, ensure_ascii=False)
        # A token is at least one byte, so that no tokenizer can pass what is reserved.
        schema = shape.model_json_schema()
        most_in = len(request.encode()) + len(json.dumps(schema))
        most_out = self.policy.most_output(model)
        try:
            usd = worst_price(model, most_in, most_out, self.policy.prices)
            known = self.budget.reserve_model(id, part.value, model, request, most_in, most_out, usd)
        except (UnknownPrice, CeilingReached) as error:
            return Failure(str(error))
        if known is not None:  # perhaps of another model: then one that failed before the restart fails no more
            return Reply(known.answer, model=known.model)
        return await self._call(id, part, model, cleaned, schema, masks)

    async def _call(
        self, id: str, part: Part, model: str, turns: Sequence[Turn], schema: Mapping[str, Any], masks: bool
    ) -> Reply | Failure:
        begun = time.monotonic()
        limit = max(min(self.policy.timeout_seconds, self.budget.model_seconds_left()), 0.1)
        try:
            with observed(part.value, model) as seen:
                reply = await in_thread(partial(invoke, model, self.policy, turns, schema), limit)
                seen(reply.tokens)
        except asyncio.CancelledError:
            self.budget.give_up(id)  # it may be answered, and billed, all the same
            raise
        except Exception as error:
            if refused(error):
                self.budget.refund(id)
            else:
                self.budget.give_up(id)
            return failure_of(error)
        try:
            text = self._masker.unmask_json(reply.text) if masks else reply.text
            self._settle(id, model, reply, time.monotonic() - begun, text)
        except Exception as error:
            self.budget.give_up(id)
            return Failure(f"its answer could not be kept ({type(error).__name__})")
        return Failure(reply.refusal) if reply.refusal else Reply(text, cut=reply.cut)

    def _settle(self, id: str, model: str, reply: Reply, seconds: float, text: str) -> None:
        if reply.tokens is None:  # a server that does not count: the worst case stands
            self.budget.settle_unknown(id, seconds, text)
        else:
            self.budget.settle_model(id, reply.tokens, seconds, price(model, reply.tokens, self.policy.prices), text)

    def _outgoing(self, text: str, masks: bool) -> str:
        clean = cut_secrets(writable(text))
        return self._masker.mask(clean) if masks else clean
