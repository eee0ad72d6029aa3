"""Calls of models as OpenTelemetry spans and metrics, by the conventions for generative AI, where it is installed.

Nothing is sent unless ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set or the program around has set up OpenTelemetry itself. No
text of a prompt or an answer is in them.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from agent.prices import Tokens

Seen = Callable[[Tokens | None], None]


@contextmanager
def observed(part: str, model: str) -> Iterator[Seen]:
    """A span around a call; what it yields is told the tokens. An exception is noted by its type and goes on."""
    instruments = _instruments()
    if instruments is None:
        yield lambda tokens: None
        return
    from opentelemetry.trace import StatusCode

    tracer, tokens_used, duration = instruments
    provider, _, name = model.partition(":")
    about = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": provider, "gen_ai.request.model": name}
    begun = time.monotonic()
    # The message of an exception may repeat a prompt or an answer.
    silent = {"record_exception": False, "set_status_on_exception": False}
    attributes = {**about, "pcause.part": part}
    with tracer.start_as_current_span(f"chat {name}", attributes=attributes, **silent) as span:

        def seen(tokens: Tokens | None) -> None:
            if tokens is None:
                return
            for kind, count in (("input", tokens.input), ("output", tokens.output)):
                span.set_attribute(f"gen_ai.usage.{kind}_tokens", count)
                tokens_used.record(count, {**about, "gen_ai.token.type": kind})

        failed: dict[str, str] = {}
        try:
            yield seen
        except BaseException as error:
            failed = {"error.type": type(error).__name__}
            span.set_attributes(failed)
            span.set_status(StatusCode.ERROR, failed["error.type"])
            raise
        finally:
            duration.record(time.monotonic() - begun, {**about, **failed})


@cache
def _instruments() -> tuple[Any, Any, Any] | None:
    try:
        from opentelemetry import metrics, trace
    except ImportError:
        return None
    from agent.models.exporting import export_if_wanted

    export_if_wanted()
    meter = metrics.get_meter("probable-cause")
    return (
        trace.get_tracer("probable-cause"),
        meter.create_histogram("gen_ai.client.token.usage", unit="{token}", description="Tokens of a call"),
        meter.create_histogram("gen_ai.client.operation.duration", unit="s", description="Seconds of a call"),
    )
