"""What an error text says went wrong, by the vocabulary of standards and runtimes, not of any one application.

Sources: POSIX errno names (IEEE Std 1003.1, <errno.h>), gRPC status codes, HTTP status codes (RFC 9110, RFC 6585),
SQLSTATE classes (ISO/IEC 9075) with PostgreSQL's and MySQL's texts for them, X.509 path validation (RFC 5280), DNS
response codes (RFC 1035), Kubernetes event reasons, and the exception names of the JVM, Go, Python, JavaScript,
Rust and .NET.
"""

import re
from enum import StrEnum
from functools import lru_cache


class Failure(StrEnum):
    """Families of failure that a text can report."""

    CERTIFICATE = "certificate"
    DNS = "dns"
    DISK_FULL = "disk_full"
    OUT_OF_MEMORY = "out_of_memory"
    POOL_EXHAUSTED = "pool_exhausted"
    DESCRIPTORS = "descriptors"
    LOCK = "lock"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    SCHEMA = "schema"
    NULL_VALUE = "null_value"
    BOUNDS = "bounds"
    TYPE = "type"
    PARSE = "parse"
    TOO_LARGE = "too_large"
    VALIDATION = "validation"
    SIGNATURE = "signature"
    AUTH = "auth"
    NOT_FOUND = "not_found"
    CONFIG = "config"
    READ_ONLY = "read_only"
    NODE = "node"
    HARDWARE = "hardware"
    CLOCK = "clock"
    REFUSED = "refused"
    RESET = "reset"
    UNREACHABLE = "unreachable"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    CACHE_MISS = "cache_miss"
    SLOW = "slow"
    RESTART = "restart"
    RETRY = "retry"
    POISON = "poison"
    LAG = "lag"
    DRIFT = "drift"
    UNAVAILABLE = "unavailable"
    EXCEPTION = "exception"
    OTHER = "other"


_PATTERNS: tuple[tuple[Failure, str], ...] = (
    (Failure.CERTIFICATE, r"x509|certificate (has |is )?(expired|not yet valid|verify failed|unknown|revoked)|cert\w* (has )?expired|certificate_?verify_?failed|sslhandshake|ssl handshake|tls:? handshake|handshake (failure|failed)|pkix|unable to get local issuer|bad certificate|notafter|self.signed certificate|err_cert|certificateexpired"),
    (Failure.DNS, r"no such host|nxdomain|servfail|enotfound|eai_again|getaddrinfo|name or service not known|temporary failure in name resolution|name resolution|could not resolve|unknownhost|dns (lookup|query|resolution|timeout|error)|lookup \S+( on \S+)?: |server misbehaving|resolve host"),
    (Failure.DISK_FULL, r"enospc|no space left|disk (is )?full|disk quota exceeded|could not extend file|insufficient disk|not enough (disk )?space|flood.stage|watermark .*exceeded|diskpressure|volume is full"),
    (Failure.OUT_OF_MEMORY, r"out.?of.?memory|\boom\b|oom.?kill|outofmemoryerror|cannot allocate memory|enomem|java heap space|heap (limit|out)|memory ?limit exceeded|exit code 137|exitcode[=: ]*137|memorypressure|allocation fail|memoryerror|cuda out of memory|std::bad_alloc|gc overhead"),
    (Failure.POOL_EXHAUSTED, r"pool.{0,40}(exhaust|timed? ?out|time.?out|is full|empty|limit|no available|starv|saturat|reject)|(exhaust|timed? ?out|time.?out|no available|waiting|waited|acquir)\w*.{0,40}\bpool\b|connection is not available|too many (clients|connections)|remaining connection slots|queuepool|acquir\w* (a )?connection|no free connection|max_?connections|sqlstate.?53300|pooltimeout|task.?rejected|rejectedexecution|no (idle|free|available) (\w+ )?(worker|thread|connection|slot|permit)s?|no (\w+ )?(worker|thread|connection|slot|permit)s? (is |are |was |were )?(idle|free|available|left)\b|wait\w* (\S+ ){0,3}for an? (\w+ )?(worker|thread|connection|slot|permit)\b"),
    (Failure.DESCRIPTORS, r"emfile|enfile|too many open files|file descriptor"),
    (Failure.LOCK, r"deadlock|lock (wait|timeout|acquisition|contention)|could not obtain lock|lock not available|waiting for \S*lock|sqlstate.?(40p01|55p03)|mutex|database is locked|lockwait|held (the )?lock|contended|waiting (for|on) (a |the )?(\w+ )?(lock|mutex|monitor|semaphore)"),
    (Failure.RATE_LIMITED, r"\b429\b|too many requests|rate.?limit|throttl|quota (exceeded|reached|exhaust)|quotaexceeded|resource_?exhausted|requestlimitexceeded|limit exceeded|slowdown|slow down|exceeded \S*(quota|limit)|over (the )?limit|budget exhausted|insufficient quota"),
    (Failure.OVERLOADED, r"overload|shed(ding)? load|load.?shed|queue (is )?(full|overflow|saturat)|saturat|backpressure|at capacity|max(imum)? concurren|concurrency limit|worker_connections are not enough|request queued|buffer (is )?full|backlog"),
    (Failure.SCHEMA, r"(relation|table|column|field|index|view|function|keyspace|collection) \S+ (of relation \S+ )?(does not|doesn.?t) exist|(unknown|undefined|no such|invalid|missing) (column|table|field|relation)|sqlstate.?42(703|p01|s02|s22|883)|undefinedcolumn|undefinedtable|bad field|unknown column|invalid column|schema (mismatch|registry|validation|incompat|version)|incompatible schema|avro|protobuf.*(unmarshal|wire)|unrecognizedproperty|unknown property|no such column|violates (not.null|foreign key|check|unique)|unrecognized field|unexpected field|missing required field|field required"),
    (Failure.NULL_VALUE, r"nil pointer|null.?pointer|nullpointerexception|nullreference|of (undefined|null)\b|undefined is not|nonetype|is null\b|unwrap\(\).*none|called `?option::unwrap|null value|cannot read propert|segmentation fault|sigsegv|object reference not set|npe\b|keyerror|nosuchelement"),
    (Failure.BOUNDS, r"index out of (range|bounds)|indexoutofbounds|out of (range|bounds)|indexerror|slice bounds|arrayindex|overflow|underflow|divi(de|sion) by zero|zerodivision|stack overflow|maximum call stack|recursion"),
    (Failure.TYPE, r"typeerror|classcast|is not a function|has no attribute|attributeerror|nosuchmethod|not callable|cannot (convert|cast)|type mismatch|mismatched types|invalid type|unsupported operand|must be (str|int|number|string|of type)|not iterable|illegalargument"),
    (Failure.SIGNATURE, r"signature (mismatch|verif|invalid|does not|expired)|invalid signature|bad signature|hmac|checksum (mismatch|error|fail)|crc (mismatch|error)|digest mismatch|integrity"),
    (Failure.PARSE, r"pars(e|ing) (error|fail)|failed to (parse|decode|deserial|unmarshal)|(cannot|can.t|could not|unable to) (parse|decode|deserial|unmarshal)|(parse|decode|deserial\w*|unmarshal\w*) (error|fail\w*)|unexpected (token|end|eof|character|byte)|malformed|jsondecode|jsonparse|jsonmapping|syntax error|invalid (json|syntax|format|character|utf|date|timestamp|number|byte)|unmarshal|deserializ|decode error|expected .{1,30} (but )?(got|found)|unsupported (format|version|encoding|media)|magic byte|corrupt|decoding|unicodedecode|numberformat|wire.?type|valueerror"),
    (Failure.TOO_LARGE, r"too large|\b413\b|message size|payload size|entity too|exceeds? (the )?(max\w*|size|limit)|larger than|body limit|max_?(message|body|request)_?(size|bytes)|context length|maximum context"),
    (Failure.AUTH, r"\b401\b|\b403\b|unauthori[sz]ed|forbidden|permission.?denied|access.?denied|unauthenticated|invalid (token|credential|api.?key|scope|audience|issuer|client)|expired token|token (has )?expired|insufficient.?scope|missing (scope|authorization|token|credential)|not authorized|jwt|authentication fail|sqlstate.?28|eacces|csrf|cors"),
    (Failure.VALIDATION, r"validation (error|fail)|invalid (argument|value|input|request|parameter|payload)|\b422\b|\b400\b|bad request|invalid_?argument|constraint|failed_?precondition|assert(ion)?|illegal ?state|must (not )?be|required (parameter|header|property|key)|missing (parameter|header|property|key|required)|rejected by"),
    (Failure.NOT_FOUND, r"\b404\b|not.?found|no such (file|key|bucket|topic|queue|object|endpoint|route)|nosuchkey|nosuchbucket|enoent|unknown_?topic|does not exist|no route matched|unimplemented|unknown (host|service|method|endpoint)"),
    (Failure.CONFIG, r"invalid config|config(uration)? (error|invalid|missing|not|key)|missing (env|environment|config|setting)|unknown (option|key|setting|directive)|environment variable|misconfigur"),
    (Failure.READ_ONLY, r"read.?only|erofs|not (the )?(leader|primary|master)|cannot execute \w+ in a read-only"),
    (Failure.HARDWARE, r"i/o error|\beio\b|ecc error|machine check|\bmce\b|nvme|smart (error|fail)|uncorrectable|xid \d|bad block|link (is )?down|hardware"),
    (Failure.NODE, r"node\S* (is )?not.?ready|notready|nodelost|evict|cordon|preempt|spot (interruption|termination)|kubelet|host (is )?(unreachable|down|degraded)|availability zone|\baz\b.*(outage|degrad|impair)|steal time|cpu steal|noisy neigh|instance (retire|impair|status check)|failedscheduling"),
    (Failure.CLOCK, r"clock skew|clock drift|time (is )?(skew|too far|in the future)|issued in the future|used before issued|not.?before|requesttimetooskewed|ntp|chrony|out of sync"),
    (Failure.REFUSED, r"connection refused|econnrefused|connect(ion)? fail|failed to connect|actively refused|could not connect|cannot connect|unable to connect"),
    (Failure.RESET, r"connection reset|econnreset|broken pipe|epipe|unexpected eof|connection (was )?(closed|aborted|lost|dropped)|stream (closed|reset)|goaway|prematurely closed|socket hang up|packet loss|retransmi"),
    (Failure.UNREACHABLE, r"unreachable|ehostunreach|enetunreach|no route to host|network is down|partition(ed)? from"),
    (Failure.CANCELLED, r"context canceled|cancell?ed by (the )?(client|caller|user)|client (closed|disconnected|cancelled|canceled|gone|aborted)|\b499\b|operation (was )?cancell?ed|request aborted"),
    (Failure.TIMEOUT, r"time.?out|timed.?out|deadline.?exceeded|deadline exceeded|etimedout|\b504\b|gateway timeout|took too long|exceeded \d+ ?m?s|no (response|reply|heartbeat|answer) ((with)?in|after|from)|(did|does) not (answer|respond|reply|return|complete|finish) (with)?in|(did|does) not (answer|respond|reply) after|budget exceeded"),
    (Failure.CACHE_MISS, r"cache miss|cache.{0,20}(expired|evict|bypass|empty|cold|stampede|rebuild|regenerat)|read.?through|stampede|thundering"),
    (Failure.SLOW, r"slow (query|request|response|op|call|log)|long.?running|took \d+ ?m?s|high latency|seq(uential)? scan|full (table )?scan|event loop (blocked|lag|delay)|gc pause|stop.the.world|stall|elevated latency|degraded"),
    (Failure.POISON, r"poison|redeliver|dead.?letter|dlq|nack|requeue|re-?queu|re-?deliver|max (delivery|retries|attempts)|giving up|uncommitted offset|offset .*(fail|again|retry|stuck)|stuck (at|on)|same (offset|message|record)"),
    (Failure.RESTART, r"crashloop|back.?off restarting|container .*(restart|exit|kill|terminat)|liveness probe|readiness probe|restarting|sigkill|exited with|unhealthy"),
    (Failure.RETRY, r"retry(ing)?\b|retries|attempt \d+|retry storm|backing off"),
    (Failure.LAG, r"consumer lag|replication lag|lag (is|exceed|high|grow)|falling behind|behind (the )?(leader|primary)|rebalanc"),
    (Failure.DRIFT, r"drift|out.of.distribution|distribution shift|feature (skew|missing|null|default|stale)|stale feature|missing feature|default(ed)? (value|feature)|imputed|prediction (skew|shift)|psi\b|score distribution"),
    (Failure.UNAVAILABLE, r"\b50[023]\b|unavailable|bad gateway|circuit.?(breaker|open)|upstream (error|fail|connect)|no healthy (upstream|host|endpoint)|internal server error|service down|server error|outage|\bdown\b"),
    (Failure.EXCEPTION, r"panic|exception|traceback|fatal error|unhandled|uncaught|stack ?trace|aborted|crash"),
)  # fmt: skip
_COMPILED = tuple((family, re.compile(pattern, re.IGNORECASE)) for family, pattern in _PATTERNS)


@lru_cache(maxsize=20_000)
def failures_in(text: str) -> frozenset[Failure]:
    """All families that a text names; empty when it names none."""
    return frozenset(family for family, pattern in _COMPILED if pattern.search(text))


# Names of code in error texts and stack fields: file:line, dotted or ::-separated functions.
_FRAME_FILE = re.compile(
    r"([\w./\\-]+\.(?:go|java|kt|py|ts|tsx|js|mjs|rb|rs|cs|php|scala|ex|exs|c|cc|cpp|swift|sql))(?::(\d+))?",
    re.I,
)
_FRAME_FUNCTION = re.compile(r"\b([A-Za-z_][\w$]*(?:(?:\.|::|#)[A-Za-z_][\w$<>]*)+)")
_FRAME_CALL = re.compile(r"\b(?:at|in)\s+`?([A-Za-z_][\w$]*)`?\s*\(?")


def frames_in(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Files (base names) and function names (last part) that a stack frame or error text points to."""
    files = frozenset(match[0].replace("\\", "/").rsplit("/", 1)[-1].lower() for match in _FRAME_FILE.findall(text))
    functions = {re.split(r"\.|::|#", name)[-1] for name in _FRAME_FUNCTION.findall(text)}
    functions |= set(_FRAME_CALL.findall(text))
    return files, frozenset(name for name in functions if len(name) >= 4 and name.lower() not in _EXTENSIONS)


_EXTENSIONS = frozenset("java kt py ts tsx js mjs rb rs cs php scala swift yaml json html".split())
