import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from agent.models import telemetry
from agent.prices import Tokens


@pytest.fixture(scope="module")
def observed() -> tuple[InMemorySpanExporter, InMemoryMetricReader]:
    """OpenTelemetry as a program around us sets it up; once a process is all that it allows."""
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([reader]))
    telemetry._instruments.cache_clear()
    return spans, reader


def test_a_call_is_a_span_and_its_tokens_are_counted(observed: tuple[InMemorySpanExporter, InMemoryMetricReader]):
    spans, reader = observed
    spans.clear()
    with telemetry.observed("diagnose", "openai:small") as seen:
        seen(Tokens(input=120, output=30))
    (span,) = spans.get_finished_spans()
    assert span.name == "chat small"
    assert dict(span.attributes or {}) == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "small",
        "pcause.part": "diagnose", "gen_ai.usage.input_tokens": 120, "gen_ai.usage.output_tokens": 30,
    }  # fmt: skip
    data = reader.get_metrics_data()
    assert data is not None
    names = {m.name for r in data.resource_metrics for scope in r.scope_metrics for m in scope.metrics}
    assert {"gen_ai.client.token.usage", "gen_ai.client.operation.duration"} <= names


def test_a_failed_call_says_how(observed: tuple[InMemorySpanExporter, InMemoryMetricReader]):
    spans, _ = observed
    spans.clear()
    with pytest.raises(TimeoutError), telemetry.observed("diagnose", "openai:small"):
        raise TimeoutError
    (span,) = spans.get_finished_spans()
    assert (span.attributes or {})["error.type"] == "TimeoutError"
    assert span.status.status_code is StatusCode.ERROR


def test_no_text_of_an_exception_is_in_the_span(observed: tuple[InMemorySpanExporter, InMemoryMetricReader]):
    spans, _ = observed
    spans.clear()
    with pytest.raises(ValueError), telemetry.observed("diagnose", "openai:small"):
        raise ValueError("invalid prompt: what the model was asked")
    (span,) = spans.get_finished_spans()
    assert span.status.description == "ValueError"
    assert not span.events
    assert "what the model was asked" not in span.to_json()
