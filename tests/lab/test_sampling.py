"""What a recording keeps: whole traces, all failures up to a cap, nothing of before or after."""

from evals.lab.sampling import Record, SamplingPolicy, sample, within


def _span(trace: str, start: int, code: str = "OK") -> Record:
    return {
        "trace_id": trace,
        "start_time_unix_nano": start * 10**9,
        "end_time_unix_nano": (start + 1) * 10**9,
        "status": {"code": code, "message": ""},
    }


def _line(trace: str, severity: str = "INFO", timestamp: str = "1970-01-01T00:00:05.000Z") -> Record:
    return {"trace_id": trace, "severity_text": severity, "timestamp": timestamp}


def test_failures_are_kept_whole_before_normal_traces() -> None:
    spans = [_span(f"ok{n}", n) for n in range(50)] + [_span("bad", 3), _span("bad", 4, "ERROR")]
    kept, _ = sample(spans, [], SamplingPolicy(normal_traces=5, failed_traces=5))
    traces = [span["trace_id"] for span in kept]
    assert traces.count("bad") == 2
    assert len(set(traces)) == 6


def test_log_lines_follow_their_trace_and_notable_ones_always_stay() -> None:
    lines = [_line("kept"), _line("dropped"), _line("dropped", "WARN"), _line("")]
    _, kept = sample([_span("kept", 1)], lines, SamplingPolicy())
    assert kept == [lines[0], lines[2], lines[3]]


def test_a_trace_that_began_before_the_incident_is_left_out_with_its_lines() -> None:
    spans = [_span("early", 1), _span("early", 6), _span("inside", 6)]
    lines = [_line("early"), _line("inside"), _line(""), _line("", timestamp="1970-01-01T00:00:01.000Z")]
    kept_spans, kept_lines = within(spans, lines, 2.0, 10.0)
    assert [span["trace_id"] for span in kept_spans] == ["inside"]
    assert kept_lines == [lines[1], lines[2]]
