"""Mentions in Slack with a slow reasoner: ``python benchmarks/slack_mentions.py``.

1,000 mentions, each event delivered four times (as a mention and as a message, twice each), through a local Slack double
and the real SDK over Socket Mode; the model takes 60 s for each answer. Every delivery must be acknowledged within three
seconds, and every mention gets one message and one investigation. Mentions come in fifty channels, since Slack takes one
post a second in each. ``--quick`` is 100 mentions, ``--at-once`` sends all of them in one moment, ``--json`` prints JSON.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import quantiles

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from agent.ledger import Ledger
from agent.models.policy import ModelPolicy, ReasonerChoice
from agent.prices import ModelPrices
from agent.settings import Settings
from evals.doubles.model_scripts import honest
from evals.doubles.scripted_model import Reply, Request, scripted_model
from tests.conftest import ALERT, FIRED, bodies
from tests.slack_double import BOT, BOT_TOKEN, SlackDouble
from tests.slack_room import ANN, room
from tools.recording_writer import write_recording

MODEL = "openai:scripted"
_DELIVERIES = 4
_ACK_SECONDS = 3.0


@dataclass(frozen=True)
class Figures:
    """``ack_*`` are seconds; ``replied_seconds`` is when the last mention had its message, ``asked_model`` how many calls the
    reasoner had begun by then."""

    mentions: int
    deliveries: int
    acknowledged: int
    ack_p50: float
    ack_p99: float
    ack_max: float
    investigations: int
    replied_once: int
    replied_more: int
    replied_seconds: float
    asked_model: int

    @property
    def met(self) -> bool:
        """Whether the bar holds."""
        once = self.investigations == self.replied_once == self.mentions and not self.replied_more
        return once and self.acknowledged == self.deliveries and self.ack_max < _ACK_SECONDS


async def measure(home: Path, mentions: int, channels: int, per_second: float, reasoner_seconds: float) -> Figures:
    """``per_second`` mentions are sent in a second, 0 for all at once."""
    os.environ["SLACK_BOT_TOKEN"] = BOT_TOKEN
    write_recording(home / "recording", ALERT, *bodies())  # type: ignore[arg-type]
    double = SlackDouble()
    await double.start()
    answer = honest()

    def slow(request: Request, turn: int) -> Reply:
        return replace(answer(request, turn), delay_seconds=reasoner_seconds)

    with scripted_model(slow) as model:
        policy = ModelPolicy(default=MODEL, base_url=model.url, prices=ModelPrices(free=frozenset({MODEL})))
        settings = Settings(home=home / "home", models=policy, reasoner=ReasonerChoice.LLM)
        async with room(settings, home / "recording", double, charts=0):
            begun = time.monotonic()
            sent = []
            for number in range(mentions):
                channel = f"C{number % channels}"
                said = double.note(channel, ANN, f"<@{BOT}> investigate front", at=FIRED + number * 0.001)
                payloads = double.events(channel, said)
                sent += [double.send(payload, attempt=n) for n in range(_DELIVERIES // 2) for payload in payloads]
                if per_second:
                    await asyncio.sleep(max(begun + (number + 1) / per_second - time.monotonic(), 0.0))
            limit = time.monotonic() + 60.0 + 5.0 * mentions / channels
            while time.monotonic() < limit and not (  # noqa: ASYNC110 - it is another's state
                _replied(double) >= mentions and all(id in double.acks for id in sent)
            ):
                await asyncio.sleep(0.2)
            took = time.monotonic() - begun
            await asyncio.sleep(3.0)  # a second reply would come now
            asked = model.calls
            model.closing.set()  # what the reasoner is still asked is answered at once
        threads = Counter(m["thread_ts"] for messages in double.channels.values() for m in messages if _is_reply(m))
    await double.stop()
    acks = sorted(double.acks[id] for id in sent if id in double.acks)
    return Figures(
        mentions=mentions, deliveries=len(sent), acknowledged=len(acks), ack_p50=round(quantiles(acks, n=100)[49], 3),
        ack_p99=round(quantiles(acks, n=100)[98], 3), ack_max=round(acks[-1], 3),
        investigations=len(Ledger(settings.home).investigations(10 * mentions)),
        replied_once=sum(count == 1 for count in threads.values()), replied_more=sum(count > 1 for count in threads.values()),
        replied_seconds=round(took, 1), asked_model=asked,
    )  # fmt: skip


def _is_reply(message: dict[str, object]) -> bool:
    """The message that follows an investigation; details of one that has ended are not it."""
    return "bot_id" in message and "details" not in str(message.get("text")) and "thread_ts" in message


def _replied(double: SlackDouble) -> int:
    return sum(_is_reply(m) for messages in double.channels.values() for m in messages)


def main() -> None:
    """Measure, print, and fail where the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--at-once", action="store_true")
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    mentions = 100 if told.quick else 1_000
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(Path(folder), mentions, 50, 0.0 if told.at_once else 50.0, 60.0))
    if told.json:
        print(json.dumps({**asdict(figures), "met": figures.met}))
    else:
        for name, value in asdict(figures).items():
            print(f"{name:>16}  {value}")
        print(
            "met" if figures.met else "MISSED",
            f"(every ack under {_ACK_SECONDS:.0f} s, one reply and one investigation each)",
        )
    sys.exit(0 if figures.met else 1)


if __name__ == "__main__":
    main()
