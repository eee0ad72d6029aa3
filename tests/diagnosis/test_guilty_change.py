"""Guilty changes of many kinds, each among innocents: one at the onset, one on the same subject, a dependency bump."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from diagnosis.engine import diagnose
from diagnosis.incident import Incident
from diagnosis.log_patterns import mine
from diagnosis.telemetry import Change, ChangeKind, Edge, LogRecord, Node, SeriesKey, SeriesMatrix, Topology, Window

START = 1_790_000_000.0
TIMES = START + 60.0 * np.arange(110)
WINDOW = Window(START, float(TIMES[-1]) + 60)


def step(before: float, after: float, at: int = 80, seed: int = 0) -> np.ndarray:
    noise = 1 + 0.03 * np.random.default_rng(seed).standard_normal(TIMES.size)
    return np.where(np.arange(TIMES.size) >= at, after, before) * noise


def leak(before: float, after: float, begin: int, seed: int = 0) -> np.ndarray:
    noise = 1 + 0.01 * np.random.default_rng(seed).standard_normal(TIMES.size)
    return np.interp(np.arange(TIMES.size), [0, begin, TIMES.size - 1], [before, before, after]) * noise


@dataclass
class Case:
    """``deploy`` is the minute of the guilty deploy, ``carried`` the entity whose later deploy carried it."""

    id: str
    alert: str
    diff: str
    file: str
    metrics: dict[str, np.ndarray]
    logs: list[tuple[str, str, str]]
    entity: str
    kind: str
    deploy: int = 76
    onset: int = 80
    carried: bool = False
    decoy: str = "@@ {dir}/view.py @@\n-    total = compute(x)\n+    total = sum_up(x)\n"
    decoy_file: str = "{dir}/view.py"
    attributes: dict[str, str | float] = field(default_factory=dict)


CASES = [
    Case("memory-leak", "cart/memory_working_set_bytes", "@@ cart/session.py @@\n def on_close(session):\n-    registry.remove(session.id)\n     meters.closed.inc()\n", "cart/session.py",
         {"cart/memory_working_set_bytes": leak(4e8, 2e9, 40), "cart/gc_pause_seconds": leak(0.01, 0.4, 45, 1)},
         [("cart", "WARN", "gc pressure: session registry holds {i} entries"), ("cart", "ERROR", "container killed: out of memory (exit code 137)")], "cart", "memory_exhaustion", deploy=38, onset=60),
    Case("retry-storm", "stock/cpu_utilization", "@@ lib/http/retry.ts @@\n-export const RETRY = { retries: 2, backoff: 'exponential' };\n+export const RETRY = { retries: 12, backoff: 'none' };\n", "lib/http/retry.ts",
         {"stock/cpu_utilization": step(0.4, 0.99), "stock/requests_per_second": step(300, 2600, seed=1), "cart/requests_per_second": step(300, 300, seed=2), "cart/client_retries_per_second": step(1, 900, seed=3)},
         [("cart", "WARN", "retrying stock.reserve, attempt {i}"), ("stock", "WARN", "request queue is full, shedding load")], "cart", "traffic_surge"),
    Case("lock-over-remote-call", "cart/http_duration_p99_ms", "@@ cart/store.go @@\n-\tprice := s.fetchPrice(ctx, sku)\n-\ts.mu.Lock()\n+\ts.mu.Lock()\n+\tprice := s.fetchPrice(ctx, sku)\n \ts.items[sku] = price\n", "cart/store.go",
         {"cart/http_duration_p99_ms": step(90, 3200), "cart/mutex_wait_seconds": step(0.001, 2.4, seed=1), "cart/cpu_utilization": step(0.3, 0.25, seed=2)},
         [("cart", "WARN", "slow request: waiting for lock items held by fetchPrice for {i} ms")], "cart", "lock_contention"),
    Case("renamed-column", "report/error_ratio", "@@ db/migrations/0031.sql @@\n+ALTER TABLE invoices RENAME COLUMN customer_ref TO customer_id;\n", "db/migrations/0031.sql",
         {"report/error_ratio": step(0.001, 0.8), "report/http_duration_p99_ms": step(80, 82, seed=1)},
         [("report", "ERROR", 'psycopg.errors.UndefinedColumn: column "customer_ref" does not exist LINE {i}: SELECT customer_ref FROM invoices')], "report", "schema_mismatch"),
    Case("regex", "cart/cpu_utilization", "@@ cart/coupon.ts @@\n-const COUPON = /^[A-Z0-9-]+$/;\n+const COUPON = /^([A-Z0-9]+-?)+$/;\n", "cart/coupon.ts",
         {"cart/cpu_utilization": step(0.3, 1.0), "cart/http_duration_p99_ms": step(60, 5000, seed=1)},
         [("cart", "WARN", "slow request: validate coupon took {i}000 ms")], "cart", "cpu_saturation"),
    Case("shared-timeout-rides-a-later-deploy", "cart/error_ratio", "@@ platform/rpc/defaults.go @@\n-const defaultCallTimeout = 2 * time.Second\n+const defaultCallTimeout = 120 * time.Millisecond\n", "platform/rpc/defaults.go",
         {"cart/error_ratio": step(0.001, 0.5), "stock/http_duration_p99_ms": step(300, 300, seed=1), "cart/http_duration_p99_ms": step(340, 150, seed=2)},
         [("cart", "ERROR", "call stock.reserve failed: deadline exceeded after 120ms")], "cart", "bad_config", carried=True, attributes={"timeout_ms": 120.0}),
    Case("wrong-host", "cart/error_ratio", '@@ cart/config/prod.yaml @@\n-  broker: kafka-main.shop.svc:9092\n+  broker: kafka-mian.shop.svc:9092\n', "cart/config/prod.yaml",
         {"cart/error_ratio": step(0.001, 0.9), "cart/events_published_per_second": step(50, 0.1, seed=1)},
         [("cart", "ERROR", "lookup kafka-mian.shop.svc: no such host (try {i})")], "cart", "dns"),
    Case("dropped-index", "orderdb/query_duration_p99_ms", "@@ db/migrations/V7__cleanup.sql @@\n+DROP INDEX idx_orders_customer_created;\n", "db/migrations/V7__cleanup.sql",
         {"orderdb/query_duration_p99_ms": step(8, 2400), "orderdb/cpu_utilization": step(0.3, 0.97, seed=1), "report/http_duration_p99_ms": step(80, 2600, seed=2)},
         [("orderdb", "WARN", "slow query ({i} ms): seq scan on orders, SELECT id FROM orders WHERE customer_id = $1 ORDER BY created")], "orderdb", "slow_code"),
    Case("auth-header", "stock/http_401_ratio", "@@ lib/client/headers.ts @@\n-  'X-Service-Token': token,\n+  'X-Svc-Token': token,\n", "lib/client/headers.ts",
         {"stock/http_401_ratio": step(0.001, 0.7), "cart/error_ratio": step(0.001, 0.6, seed=1)},
         [("stock", "WARN", "401 unauthorized: missing header X-Service-Token (request {i})"), ("cart", "ERROR", "stock answered 401")], "cart", "bad_config"),
    Case("worse-model", "rank/click_through_rate", "@@ rank/serving.yaml @@\n-    storageUri: s3://models/rank/v41\n+    storageUri: s3://models/rank/v42\n", "rank/serving.yaml",
         {"rank/click_through_rate": step(0.31, 0.17), "rank/predicted_score_mean": step(0.5, 0.82, seed=1), "rank/http_duration_p99_ms": step(30, 30, seed=2)},
         [("rank", "WARN", "score distribution drift: psi={i} model=rank/v42")], "rank", "model_regression"),
    Case("workers", "mail/queue_depth", "@@ charts/mail/values.yaml @@\n-  workerConcurrency: 32\n+  workerConcurrency: 2\n", "charts/mail/values.yaml",
         {"mail/queue_depth": leak(20, 30000, 80), "mail/worker_concurrency_limit": step(32, 2, 77, 1)},
         [("mail", "WARN", "backlog is growing: {i} jobs wait for a worker")], "mail", "bad_config"),
    Case("nginx-body-size", "gate/http_413_ratio", "@@ deploy/nginx/gate.conf @@\n-    client_max_body_size 20m;\n+    client_max_body_size 1m;\n", "deploy/nginx/gate.conf",
         {"gate/http_413_ratio": step(0.0005, 0.3), "gate/requests_per_second": step(400, 400, seed=1)},
         [("gate", "ERROR", "client intended to send too large body: {i}00000 bytes, 413 Request Entity Too Large")], "gate", "bad_config"),
    Case("goroutine-leak", "cart/goroutines_count", "@@ cart/stream.go @@\n func (s *Server) watch(ctx context.Context) {\n-\tctx, cancel := context.WithCancel(ctx)\n-\tdefer cancel()\n \tgo s.pump(ctx)\n", "cart/stream.go",
         {"cart/goroutines_count": leak(120, 45000, 40), "cart/memory_rss_bytes": leak(2e8, 1.6e9, 42, 1)},
         [("cart", "WARN", "goroutine count {i}0000 above soft limit in watch pump")], "cart", "memory_exhaustion", deploy=38, onset=60),
    Case("rate-limit-lowered", "gate/http_429_ratio", "@@ platform/ratelimit/defaults.yaml @@\n-  requests_per_second: 500\n+  requests_per_second: 50\n", "platform/ratelimit/defaults.yaml",
         {"gate/http_429_ratio": step(0.001, 0.6), "gate/requests_per_second": step(400, 400, seed=1)},
         [("gate", "WARN", "rate limit exceeded for client {i}: 429 too many requests")], "gate", "quota_throttling", carried=True),
    Case("field-renamed-by-the-callee", "cart/error_ratio", '@@ stock/api/types.go @@\n-\tQuantity int `json:"quantity"`\n+\tQuantity int `json:"qty"`\n', "stock/api/types.go",
         {"cart/error_ratio": step(0.001, 0.6), "stock/http_duration_p99_ms": step(40, 40, seed=1)},
         [("cart", "ERROR", "decode stock response failed: missing required field quantity (item {i})")], "stock", "schema_mismatch"),
    Case("eviction-policy", "cart/cache_hit_ratio", "@@ deploy/redis/redis.conf @@\n-maxmemory-policy allkeys-lru\n+maxmemory-policy noeviction\n", "deploy/redis/redis.conf",
         {"cart/cache_hit_ratio": step(0.95, 0.4), "cart/cache_write_errors_per_second": step(0.1, 300, seed=1), "cart/http_duration_p99_ms": step(50, 900, seed=2)},
         [("cart", "ERROR", "OOM command not allowed when used memory > maxmemory, policy noeviction (key {i})")], "cart", "bad_config"),
    Case("debug-logging-fills-the-disk", "stock/disk_used_percent", '@@ stock/config/logging.yaml @@\n-  level: info\n+  level: debug\n', "stock/config/logging.yaml",
         {"stock/disk_used_percent": leak(41, 100, 40), "stock/log_bytes_per_second": step(2e4, 9e6, 39, 1)},
         [("stock", "ERROR", "write /var/log/stock/app.log: no space left on device ({i})")], "stock", "disk_full", deploy=38, onset=90),
    Case("slow-handler-starves-the-consumer", "mail/consumer_lag_messages", "@@ mail/worker.py @@\n     for event in batch:\n-        render(event)\n+        template = requests.get(TEMPLATE_URL + event.template).text\n+        render(event, template)\n", "mail/worker.py",
         {"mail/consumer_lag_messages": leak(10, 50000, 80), "mail/handler_duration_p99_ms": step(8, 420, 79, 1)},
         [("mail", "WARN", "consumer falling behind: rendering template {i} took 400 ms")], "mail", "slow_code"),
    Case("wrong-unit", "cart/error_ratio", "@@ cart/client.py @@\n-    response = session.get(url, timeout=settings.stock_timeout_ms / 1000)\n+    response = session.get(url, timeout=settings.stock_timeout_ms / 1000000)\n", "cart/client.py",
         {"cart/error_ratio": step(0.001, 0.97), "cart/http_duration_p99_ms": step(120, 4, seed=1)},
         [("cart", "ERROR", "stock call failed: ReadTimeout after 0.002 s (stock_timeout_ms) try {i}")], "cart", "error_regression"),
    Case("nil-map", "rank/error_ratio", "@@ rank/cache.go @@\n-\tif c.byUser == nil {\n-\t\tc.byUser = map[string]Entry{}\n-\t}\n \tc.byUser[id] = e\n", "rank/cache.go",
         {"rank/error_ratio": step(0.001, 0.5), "rank/panic_count": step(0, 30, seed=1)},
         [("rank", "ERROR", "panic: assignment to entry in nil map goroutine {i} rank/cache.go:41 Cache.put")], "rank", "error_regression"),
    Case("connection-leak", "report/db_pool_in_use", "@@ report/query.py @@\n-    with pool.connection() as connection:\n-        return connection.execute(sql).fetchall()\n+    connection = pool.acquire()\n+    return connection.execute(sql).fetchall()\n", "report/query.py",
         {"report/db_pool_in_use": leak(3, 20, 60), "report/db_pool_wait_seconds_p99": step(0.01, 5.0, 85, 1), "report/error_ratio": step(0.001, 0.7, 86, 2)},
         [("report", "ERROR", "timed out waiting for a pool connection after 5 s ({i})")], "report", "pool_exhaustion", deploy=58, onset=85),
    Case("region-of-the-bucket", "report/error_ratio", '@@ infra/prod/storage.tf @@\n-  bucket_endpoint = "s3.eu-central-1.store.internal"\n+  bucket_endpoint = "s3.us-east-1.store.internal"\n', "infra/prod/storage.tf",
         {"report/error_ratio": step(0.001, 0.4), "report/storage_get_duration_p99_ms": step(30, 900, seed=1)},
         [("report", "ERROR", "GET s3.us-east-1.store.internal/reports/{i}: 404 NoSuchBucket")], "report", "bad_config", carried=True),
]  # fmt: skip


def incident(case: Case, *, guilty: bool = True) -> Incident:
    entity, metric = case.alert.split("/")
    at = float(TIMES[case.deploy])
    folder = entity
    commits = [
        Change(ChangeKind.COMMIT, "d" * 40, at - 240, "", "bump dependencies", "bob", ("go.mod",), "@@ go.mod @@\n-\tlib v1.2.3\n+\tlib v1.2.4\n"),
        Change(ChangeKind.COMMIT, "e" * 40, at - 200, "", "simplify the view", "eve", (case.decoy_file.format(dir=folder),), case.decoy.format(dir=folder)),
        Change(ChangeKind.COMMIT, "f" * 40, at - 100, "", "count what happens", "fay", (f"{folder}/meters.py",), f"@@ {folder}/meters.py @@\n+    meters.{metric}.inc()\n"),
    ]  # fmt: skip
    deploys = [Change(ChangeKind.DEPLOY, f"{entity}@9", float(TIMES[case.onset]) - 30, entity, commit="e" * 40)]
    if guilty:
        commits.append(
            Change(ChangeKind.COMMIT, "a" * 40, at - 300, "", "small clean-up", "ann", (case.file,), case.diff)
        )
        shipped = "f" * 40 if case.carried else "a" * 40
        deploys.append(Change(ChangeKind.DEPLOY, f"{case.entity}@8", at, case.entity, commit=shipped))
    normal = [LogRecord(float(t), entity, "INFO", f"handled request {i}") for i, t in enumerate(TIMES)]
    bad = [
        LogRecord(
            float(TIMES[case.onset]) + 25 * i + n, who, severity, text.replace("{i}", str(i + 3)), "", case.attributes
        )
        for n, (who, severity, text) in enumerate(case.logs)
        for i in range(40)
    ]
    keys = tuple(SeriesKey(*name.split("/")) for name in case.metrics)
    names = ("gate", "cart", "stock", "report", "orderdb", "rank", "mail")
    calls = (
        ("gate", "cart"),
        ("cart", "stock"),
        ("gate", "report"),
        ("report", "orderdb"),
        ("gate", "rank"),
        ("cart", "mail"),
    )
    return Incident(
        entity, metric, float(TIMES[case.onset]) + 420, WINDOW, SeriesMatrix(keys, TIMES, np.vstack(list(case.metrics.values()))),
        mine([*normal, *bad], WINDOW), topology=Topology(tuple(map(Node, names)), tuple(Edge(*c) for c in calls)), changes=(*commits, *deploys),
    )  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_guilty_change_leads(case: Case):
    found = diagnose(incident(case))
    top = found.hypotheses[0]
    assert top.change_id == "a" * 40, [
        (h.change_id[:1], h.fault_kind.value, round(h.probability, 2)) for h in found.hypotheses
    ]
    assert top.probability >= 0.4


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_without_it_no_innocent_is_convicted(case: Case):
    found = diagnose(incident(case, guilty=False))
    top = found.hypotheses[0]
    assert top.change_id == "" or top.probability < 0.4, top.sentence
