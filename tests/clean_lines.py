"""Log lines, manifests, queries and diffs without a secret in them, for the tests of redaction; made up, seeded."""

import random
import string
import uuid

_TEMPLATES = """
{ts} INFO {pod} {cls} - order {n} handled in {n} ms trace_id={h32} span_id={h16} status=200
{ts} ERROR [{svc},{h32},{h16}] {pid} --- [http-nio-8080-exec-{d}] {cls} : Request processing failed; nested exception is java.net.SocketTimeoutException: Read timed out
\tat {cls}.handle({simple}.java:{n})
\tat org.springframework.web.servlet.FrameworkServlet$$EnhancerBySpringCGLIB$$1a2b3c4d.service(FrameworkServlet.java:{n})
Caused by: org.postgresql.util.PSQLException: FATAL: remaining connection slots are reserved for non-replication superuser connections
{{"ts":"{ts}","level":"info","caller":"server/handler.go:{n}","msg":"request done","traceID":"{h32}","spanID":"{h16}","duration_ms":{n},"path":"/api/v1/orders/{n}"}}
{{"time":"{ts}","severity":"WARN","trace_id":"{h32}","attributes":{{"http.method":"GET","http.target":"/cart/{uuid}","k8s.pod.name":"{pod}"}}}}
{ip} - - [{day}] "GET /api/v1/products/{n}?page=2&sort=price HTTP/1.1" 200 {n} "https://shop.example.com/checkout" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"
{ts} [error] {pid}#{pid}: *{n} upstream timed out (110: Connection timed out) while reading response header from upstream, client: {ip}, server: shop, upstream: "http://{ip}:8080/cart"
{ts} UTC [{pid}] LOG:  duration: {n}.123 ms  statement: SELECT id, total FROM orders WHERE customer_id = $1 AND status = 'open'
{ts} UTC [{pid}] FATAL:  password authentication failed for user "shop"
{ts} UTC [{pid}] DETAIL:  Connection matched pg_hba.conf line 95: "host all all all scram-sha-256"
Normal   Pulled     12s   kubelet  Successfully pulled image "registry.example.com/shop/{svc}@sha256:{h64}" in 2.{n}s
Warning  BackOff  Back-off restarting failed container {svc} in pod {pod}_shop({uuid})
MountVolume.SetUp failed for volume "creds" : secret "{svc}-credentials" not found
deployment.apps/{svc} scaled from 3 to {d} by commit {h40}
commit {h40}
index {h7}..{h7} 100644
-    poolSize: {n}
+    poolSize: {d}
+  max_tokens: {n}
-token_env: GITHUB_TOKEN
+password_env: DB_PASSWORD
        - name: DB_PASSWORD
          valueFrom:
            secretKeyRef:
              name: {svc}-db
              key: password
        secretName: {svc}-tls
      image: ghcr.io/acme/{svc}:{h7}
  tokenizer: cl100k_base
prompt took {n} tokens, max_tokens=512, token: {n} tokens left
{ts} WARN Token expired for user {n}; refreshing token
{ts} ERROR unexpected token: identifier at line {d}
{ts} INFO password: <*> user <*> from <*>
{ts} INFO Authorization header missing, authentication failed
{ts} INFO user={n} password=******** login ok
histogram_quantile(0.99, sum by (le, service) (rate(http_server_duration_seconds_bucket{{service="{svc}",status!~"5.."}}[5m])))
sum(rate(container_cpu_usage_seconds_total{{pod=~"{svc}-[a-f0-9]+-.*",namespace="shop"}}[5m])) / sum(kube_pod_container_resource_limits{{resource="cpu"}})
rate(oauth_tokens_issued_total{{job="{svc}"}}[1m]) > {n}
Traceback (most recent call last):
  File "/usr/lib/python3.11/site-packages/sqlalchemy/engine/base.py", line {n}, in _execute_context
sqlalchemy.exc.TimeoutError: QueuePool limit of size {d} overflow 10 reached, connection timed out, timeout 30.00
panic: runtime error: invalid memory address or nil pointer dereference
goroutine {n} [running]: main.(*{simple}).Handle(0xc000{h6}, {{0x7f{h7}, 0xc000{h6}}})
        /go/src/github.com/acme/{svc}/internal/handler/checkout.go:{n} +0x1b4
[{ts}] Kafka: [GroupCoordinator {d}]: Preparing to rebalance group {svc} in state PreparingRebalance with old generation {n} (__consumer_offsets-{d})
Connection to node -1 (kafka-{d}.kafka.svc.cluster.local/{ip}:9092) could not be established. Broker may not be available.
redis: connection pool timeout; addr=redis-master.shop.svc.cluster.local:6379 db=0
GC(412) Pause Young (Normal) (G1 Evacuation Pause) {n}M->{d}M(2048M) {n}.012ms
{ts} DEBUG c.a.s.{simple} cache key=user:{n}:cart hit=false ttl=300
{ts} INFO etag W/"{h32}" x-request-id: {uuid} served from edge
{ts} INFO uploaded s3://acme-backups/2026/11/{svc}-{h16}.tar.gz ({n} bytes, md5 {h32})
container_id={h64} image_id=sha256:{h64} restart_count={d}
traceparent: 00-{h32}-{h16}-01
event aGVsbG8gd29ybGQ= decoded for c2hvcCBjaGVja291dCBzZXJ2aWNl
curl -s http://{svc}.shop.svc.cluster.local:8080/healthz -o /dev/null -w %{{http_code}}
password = os.environ["DB_PASSWORD"]
token = request.headers.get("Authorization")
def login(user: str, password: str, token: str | None = None) -> Session:
    private final String password;
    if token == nil {{ return errors.New("token is empty") }}
ALTER TABLE orders ADD COLUMN payment_token_id bigint
{ts} INFO AuthenticationFilter - session created, ttl=1800, token_count={d}, secret_version=12
level=info component=tsdb msg="write block" mint=17{n} maxt=17{n} ulid=01HF{ULID} duration={d}.1s
npm ERR! code ELIFECYCLE errno 1 {svc}@1.{d}.0 start: `node server.js`
Step {d}/12 : COPY --from=build /app/target/{svc}-1.{d}.0-SNAPSHOT.jar /app.jar
""".strip("\n").split("\n")  # fmt: skip
_SERVICES = "checkout payment cart frontend shipping recommendation ad-service product-catalog currency email".split()
_CLASSES = "CheckoutController PaymentGatewayV2Client OrderTokenService Http11InputBuffer PasswordResetHandler CartRepositoryImpl AbstractConnPool".split()
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"


def clean_lines(count: int, seed: int = 0) -> list[str]:
    """As many lines, every template in turn."""
    draw = random.Random(seed)

    def of(alphabet: str, length: int) -> str:
        return "".join(draw.choice(alphabet) for _ in range(length))

    def line(template: str) -> str:
        service, simple = draw.choice(_SERVICES), draw.choice(_CLASSES)
        hexed = {f"h{size}": of("0123456789abcdef", size) for size in (6, 7, 16, 32, 40, 64)}
        clock = f"{draw.randint(0, 23):02}:{draw.randint(0, 59):02}:{draw.randint(0, 59):02}"
        return template.format(
            ts=f"2026-11-{draw.randint(1, 30):02}T{clock}.{draw.randint(0, 999):03}Z", day=f"03/Nov/2026:{clock} +0000", svc=service, simple=simple, cls=f"com.acme.shop.{simple}",
            pod=f"{service}-{of(_SUFFIX, 10)}-{of(_SUFFIX, 5)}", n=draw.randint(10, 99999), d=draw.randint(1, 9), pid=draw.randint(2, 32768), ULID=of(string.digits + "ABCDEFGHJKMNPQRSTVWXYZ", 22),
            ip=".".join(str(draw.randint(1, 254)) for _ in range(4)), uuid=uuid.UUID(int=draw.getrandbits(128), version=4), **hexed,
        )  # fmt: skip

    return [line(_TEMPLATES[place % len(_TEMPLATES)]) for place in range(count)]
