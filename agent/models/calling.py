"""One question to a model: paid for before it is asked, cleaned of secrets, answered in a shape or not at all.

A chain of models is tried; each gets one more try after a 429 or a 5xx and one repair of an answer that has the wrong
shape. Every attempt is a call of the ledger, so that a crash pays for nothing twice and a replay asks nobody.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel

from agent.budget import Budget
from agent.ledger import CallRow, CeilingReached
from agent.models.clients import chat_model
from agent.models.failures import Failure, failure_of, refused
from agent.models.policy import ModelPolicy, Part
from agent.models.reading import Reply, reply_of, value_of
from agent.models.telemetry import observed
from agent.prices import UnknownPrice, price, worst_price
from agent.prompts import Prompt
from agent.redaction import Masker, cut_secrets

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

T = TypeVar("T", bound=BaseModel)
Turn = tuple[str, str]  # who (system, user, assistant) and what


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
        """``name`` tells this question from the others of the investigation, the same after a restart."""
        if self._recorded is not None:
            return self._as_recorded(self._recorded, part, name, prompt, shape)
        failed: list[str] = []
        attempt = 0
        for model in self.policy.chain(part):
            turns: list[Turn] = [("system", prompt.system), ("user", prompt.user)]
            retried = repaired = False
            while True:
                attempt += 1
                reply = await self._reply(f"M-{name}-{attempt}", part, model, turns, shape)
                if isinstance(reply, CeilingReached):
                    return Unsaid(str(reply))
                if isinstance(reply, Failure):
                    if reply.retry_seconds is None or retried:
                        failed.append(f"{model}: {reply.reason}")
                        break
                    retried = True
                    await self._pause(reply.retry_seconds)
                    continue
                value = value_of(reply.text, shape)
                if not isinstance(value, str):
                    return Said(value, part, model, prompt.digest)
                if repaired:
                    failed.append(f"{model}: it answered in no usable form twice")
                    break
                repaired = True
                turns += [
                    ("assistant", reply.text[:2000]),
                    ("user", f"That does not fit: {value}. Answer again in JSON."),
                ]
        return Unsaid("; ".join(failed) or "no model is set for this")

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
    ) -> Reply | Failure | CeilingReached:
        """One attempt, from the ledger where it was made before."""
        masks = self.policy.masks(model)
        cleaned = [(who, self._outgoing(text, masks)) for who, text in turns]
        request = json.dumps({"turns": cleaned, "shape": shape.__name__}, ensure_ascii=False)
        # A token is at least one byte, so that no tokenizer can pass what is reserved.
        most_in = len(request.encode()) + len(json.dumps(shape.model_json_schema()))
        most_out = self.policy.most_output_tokens
        try:
            usd = worst_price(model, most_in, most_out, self.policy.prices)
            known = self.budget.reserve_model(id, part.value, model, request, most_in, most_out, usd)
        except UnknownPrice as error:
            return Failure(str(error))
        except CeilingReached as reached:
            return reached
        if known is not None:
            return Reply(known.answer)
        return await self._call(id, part, model, cleaned, shape, masks)

    async def _call(
        self, id: str, part: Part, model: str, turns: Sequence[Turn], shape: type[BaseModel], masks: bool
    ) -> Reply | Failure:
        begun = time.monotonic()
        limit = max(min(self.policy.timeout_seconds, self.budget.model_seconds_left()), 0.1)
        try:
            with observed(part.value, model) as seen:
                asked = partial(_invoke, model, self.policy, turns, shape)
                reply = await asyncio.wait_for(asyncio.to_thread(asked), limit)
                seen(reply.tokens)
        except (TimeoutError, asyncio.CancelledError) as error:
            self.budget.give_up(id)  # it may be answered, and billed, all the same
            if isinstance(error, asyncio.CancelledError):
                raise
            return failure_of(error)
        except Exception as error:
            self._close(id, error)
            return failure_of(error)
        text = self._masker.unmask(reply.text) if masks else reply.text
        seconds = time.monotonic() - begun
        if reply.tokens is None:  # a server that does not count: the worst case stands
            self.budget.settle_unknown(id, seconds, text)
        else:
            self.budget.settle_model(id, reply.tokens, seconds, price(model, reply.tokens, self.policy.prices), text)
        return Failure(reply.refusal) if reply.refusal else Reply(text, cut=reply.cut)

    def _close(self, id: str, error: Exception) -> None:
        """Give the reservation back where the server refused; where it broke off in the middle it may have been used."""
        if refused(error):
            self.budget.refund(id)
        else:
            self.budget.give_up(id)

    def _outgoing(self, text: str, masks: bool) -> str:
        clean = cut_secrets(text)
        return self._masker.mask(clean) if masks else clean


def _invoke(model: str, policy: ModelPolicy, turns: Sequence[Turn], shape: type[BaseModel]) -> Reply:
    """In a thread, with the synchronous client: every investigation has a loop of its own, and a client outlives them."""
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

    made = chat_model(model, policy)
    kinds: dict[str, Callable[[str], BaseMessage]] = {
        "user": HumanMessage,
        "assistant": AIMessage,
        # Anthropic keeps what is marked; the others do so by themselves or ignore it.
        "system": lambda text: SystemMessage(
            [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]
            if model.startswith("anthropic:") else text
        ),
    }  # fmt: skip
    provider = model.partition(":")[0]
    how: dict[str, Any] = {"method": "json_schema"} if provider in ("openai", "ollama") else {}
    # As a schema and not as a class: then what does not fit comes back as text instead of as an exception.
    structured = made.with_structured_output(shape.model_json_schema(), include_raw=True, **how)
    try:
        return reply_of(structured.invoke([kinds[who](text) for who, text in turns]))
    except Exception as error:
        cut = getattr(error, "completion", None)  # it ran into the limit of its answer
        if cut is None:
            raise
        return reply_of(cut)
