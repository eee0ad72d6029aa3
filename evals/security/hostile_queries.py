"""Queries of death: too heavy, unbounded, or not understood. None may leave the house."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from evals.doubles.answering_server import answering
from tools.http.connection import Connection
from tools.http.guard import Guard
from tools.metrics.policy import MetricPolicy
from tools.metrics.weighing import QueryRefused
from tools.prometheus import prometheus_tools
from tools.spec import ExtraTool, QueryPromql

END = 1_767_225_600.0  # 2026-01-01
DEEP = 400


def try_queries() -> tuple[int, list[str]]:
    """How many are tried, and those that were sent."""
    sent = []
    with counting_server() as (address, paths):
        connection = Connection(name="Prometheus", url=address)
        guard = Guard(connection.name, connection.at_once, connection.timeout_seconds)
        tool = prometheus_tools(connection, guard, MetricPolicy(), lambda: END)[ExtraTool.QUERY_PROMQL]
        for query in HOSTILE:
            before = len(paths)
            with suppress(QueryRefused):
                tool.run(QueryPromql.model_construct(start=END - 6 * 3600, end=END, query=query, step_seconds=15.0))
            if len(paths) > before:
                sent.append(query)
    return len(HOSTILE), sent


@contextmanager
def counting_server() -> Iterator[tuple[str, list[str]]]:
    """A server that takes down every path, and answers each with one series."""
    paths: list[str] = []

    def answer(path: str) -> object:
        paths.append(path)
        return {"resultType": "matrix", "result": [{"metric": {"__name__": "up", "job": "a"}, "values": [[END, "1"]]}]}

    with answering(answer) as address:
        yield address, paths


BROKEN = (
    "", " ", "\n\n", "{", "}", "up{", "up}", "up{job}", "up{job=}", "up{job=api}", "up{=\"a\"}", "up{job=\"a}", "up[", "up[5m", "up[5m 5m]", "up[m]",
    "up[-5m]", "up offset", "up offset up", "up @", "rate()", "rate(up)", "rate(up[5m]", "sum(", "sum by (up)", "sum by job (up)", "up +", "* up", "up up",
    "up; drop", "up; up", "SELECT * FROM up", "up | grep a", "$(reboot)", "`reboot`; up", "../../etc/passwd", "<script>", "{{ up }}", "up{job=~\"[[\"}",
    "up{job=~\"(\"}", "up{job=~\"*\"}", "histogram_quantile(0.9)", "nosuchfunction(up)", "topk(up)", "up bool up", "label_replace(up)", "up{job=\"\\q\"}",
    "http:///up", "up{{job=\"a\"}}", "sum by (job) by (up)", "{__name__}", "'up", "up\x00up", "up\ud800", "1 + ", "up[5m:", "up[5m:]]", "up[:5m]",
    "absent(up", "up{job=\"a\" job=\"b\"}", "count_values(up)", "up > > 1", "quantile(0.5 up)", "up ignoring", "up / on", "rate(up[5m])[5m]",
)  # fmt: skip
UNBOUNDED = (
    "{}", '{job=""}', '{job!="a"}', '{job!=""}', '{job!~"a.*"}', '{job=~"a?"}', '{job=~"ab.*"}', '{job=~"[a-z].*"}', '{job=~"[^x]+"}', '{job=~"\\\\w+"}',
    '{job=~"\\\\d*"}', '{job=~"(a|b).*"}', '{job=~"(?i)a.*"}', '{__name__!=""}', '{__name__!="up"}', '{__name__!~"up"}', '{__name__=~"a.*"}',
    '{__name__=~"[a-z]+"}', '{__name__=~"[a-zA-Z_:][a-zA-Z0-9_:]*"}', '{__name__=~"up|.+"}', '{__name__=~".+|up"}', '{__name__=~"up|"}', '{__name__=~"|up"}',
    '{__name__=~"(.+)up"}', '{__name__=~"...*"}', '{__name__=~"abc?"}', '{__name__=~"ab{0,5}.*"}', '{__name__=~"\\\\S+"}', '{__name__=~"[[:alpha:]].*"}',
    '{__name__=~"go_.*|h.*"}', '{__name__=~"(go|http|up).*"}', 'sum({job!="a"})', 'count({__name__!=""}) by (__name__)', 'rate({job=""}[5m])',
    'topk(10, count by (__name__) ({instance!=""}))', 'up or {job!="x"}', '{job!="x"} and up', 'sum(rate({job=~"[^a].*"}[1m]))', 'absent({job!="a"})',
    'max_over_time({job!="a"}[5m:1m])', 'label_replace({job!="a"}, "a", "b", "c", "d")', '-{job!="a"}', '({job!="a"})', 'vector(1) or {job!="a"}',
    '{job="a"}', '{cluster="prod"}', 'count by (job) ({cluster="prod"})', '{job=~"api|web"}', '{job!="a", instance!="b"}', '{job!="a", instance=~"b?"}', '{le=~"0.*"}', '{job=~"$^|a.*"}', '{__name__="" , job!=""}', 'scalar({job!="a"})',
)  # fmt: skip
MATCH_ALL = tuple(
    query
    for pattern in (".*", ".+", "(.*)", "(.+)", "^.*$", "^.+$", ".*.*", "(.|.)*", "(?s).+", "[\\\\s\\\\S]*", "(a|.*)", ".*|up", "^(.*)$", "(?:.*)", ".{0,99}")
    for query in (f'{{__name__=~"{pattern}"}}', f'{{job=~"{pattern}"}}', f'up{{job=~"{pattern}"}}')
)  # fmt: skip
TOO_LONG = (
    "x" * 4001, "up{" + ",".join(f'l{n}="v"' for n in range(700)) + "}"[:1], 'up{job=~"' + "a" * 301 + '"}', 'up{job=~"' + "|".join(f"job{n}" for n in range(100)) + '"}',
    'up{job!~"' + "b" * 500 + '"}', " or ".join(["up"] * 100), "+".join(["up"] * 200), "^".join(["2"] * 100), "-" * 400 + "up", "+" * 400 + "up", "- " * 300 + "up",
    "(" * DEEP + "up" + ")" * DEEP, "abs(" * DEEP + "up" + ")" * DEEP, "sum(" * 60 + "up" + ")" * 60, "(" * 3000, "[" * 3000, "{" * 3000, "((((" * 200 + "1",
    "ceil(" * 25 + "up" + ")" * 25, " and ".join(["up"] * 80), " unless ".join(["up"] * 80), "up == up" + " == up" * 70, "(" * 30 + "1" + ")" * 30, "up" + " % 2" * 90,
)  # fmt: skip
TOO_FAR = (
    "rate(up[10y])", "rate(up[8d])", "rate(up[5000h])", "up offset 1y", "up offset 60d", "up offset -1d", "up offset -10000y", "up @ 0", "up @ 1", "up @ 99999999999",
    "up @ 1e300", "up @ -1", "up @ 3e9", "max_over_time(up[30d])", "max_over_time(up[30d:1h])", "rate(up[5m] offset 90d)", "rate(up[5m] @ 0)", "up[99999999999y]",
    "sum(up @ 0)", "up[1h:1m] @ 0", "max_over_time(up[1h:1m] offset 1y)", "delta(up[52w])", "count_over_time(up[365d])", "up offset 99999999999y",
    "up offset 1y1d", "predict_linear(up[9d], 3600)", "max_over_time((up offset 1y)[1h:1m])",
)  # fmt: skip
TOO_HEAVY = (
    "rate(up[7d])", "max_over_time(up[7d:1s])", "max_over_time(up[1d:1s])", "max_over_time(rate(up[1h])[1d:1m])", "max_over_time(max_over_time(up[1h:1m])[1h:1m])",
    "quantile_over_time(0.9, up[2d])", "sum(max_over_time(up[3d]))", 'sum({job="api"}) + sum(rate({job="api"}[1h]))', 'rate({__name__=~"http_.*"}[1h])',
    "max_over_time(up[1h:1ms])", "max_over_time(up[5m:500ms])", "avg_over_time((up + up)[2h:1s])", "topk(5, rate(up[5d]))", "stddev_over_time(up[7d:5s])",
    "holt_winters(up[6d], 0.5, 0.5)", "count_values(\"v\", max_over_time(up[5d]))", "max_over_time(sum_over_time(min_over_time(up[30m:1m])[30m:1m])[30m:1m])",
    "histogram_quantile(0.99, rate(up[6d]))", "label_join(max_over_time(up[5d]), \"a\", \",\", \"b\")", "absent_over_time(up[7d])",
)  # fmt: skip
CARTESIAN = tuple(
    f"up {operator} on () {group}down"
    for operator in ("+", "-", "*", "/", "%", "^", "==", ">", "and", "or", "unless")
    for group in (("", "group_left () ", "group_right () ") if operator not in ("and", "or", "unless") else ("",))
)  # fmt: skip
NOT_STANDARD = ('{__name__="a" or job="b"}', 'up{job="a" or job="b"}', '{job="a" or job!="b"}')
HOSTILE = (*BROKEN, *UNBOUNDED, *MATCH_ALL, *TOO_LONG, *TOO_FAR, *TOO_HEAVY, *CARTESIAN, *NOT_STANDARD)
