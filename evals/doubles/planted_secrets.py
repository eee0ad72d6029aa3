"""Secrets made up at random in the places where secrets are found, for the tests of redaction; seeded, none is real."""

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

_HEX, _LOWER, _UPPER = (
    "0123456789abcdef",
    string.ascii_lowercase + string.digits,
    string.ascii_uppercase + string.digits,
)
_WORD, _URLSAFE, _B64 = (
    string.ascii_letters + string.digits,
    string.ascii_letters + string.digits + "-_",
    string.ascii_letters + string.digits + "+/",
)


@dataclass(frozen=True)
class Planted:
    """``text`` holds the secret; none of ``pieces`` may be left of it. ``kind`` says what it is and how it is written."""

    kind: str
    text: str
    pieces: tuple[str, ...]


class Drawer:
    """Random strings."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def of(self, alphabet: str, length: int) -> str:
        while True:
            drawn = "".join(self.random.choice(alphabet) for _ in range(length))
            if (
                length < 12
                or alphabet == string.digits
                or (any(map(str.isdigit, drawn)) and any(map(str.isalpha, drawn)))
            ):
                return drawn

    def hex(self, length: int) -> str:
        return self.of(_HEX, length)

    def word(self, length: int) -> str:
        return self.of(_WORD, length)

    def safe(self, length: int) -> str:
        return self.of(_WORD, 1) + self.of(_URLSAFE, length - 2) + self.of(_WORD, 1)

    def b64(self, size: int) -> str:
        return base64.b64encode(self.random.randbytes(size)).decode()

    def password(self) -> str:
        return self.of(_WORD, 4) + self.random.choice("!#$%*-_+~^.") + self.of(_WORD, 8)


# What is drawn of a token, put into its shape.
TOKENS: dict[str, Callable[[Drawer], str]] = {
    "aws access key": lambda d: "AKIA" + d.of(_UPPER, 16),
    "aws session key": lambda d: "ASIA" + d.of(_UPPER, 16),
    "github classic": lambda d: "ghp_" + d.word(36),
    "github app": lambda d: "ghs_" + d.word(36),
    "github fine grained": lambda d: f"github_pat_{d.word(22)}_{d.word(59)}",
    "gitlab": lambda d: "glpat-" + d.safe(20),
    "gitlab runner": lambda d: "glrt-" + d.safe(20),
    "slack bot": lambda d: f"xoxb-{d.of(string.digits, 12)}-{d.of(string.digits, 12)}-{d.word(24)}",
    "slack app": lambda d: f"xapp-1-A{d.of(_UPPER, 10)}-{d.of(string.digits, 13)}-{d.hex(64)}",
    "slack webhook": lambda d: f"https://hooks.slack.com/services/T{d.of(_UPPER, 8)}/B{d.of(_UPPER, 8)}/{d.word(24)}",
    "stripe": lambda d: "sk_live_" + d.word(24),
    "stripe restricted": lambda d: "rk_live_" + d.word(24),
    "stripe webhook": lambda d: "whsec_" + d.word(32),
    "twilio": lambda d: "SK" + d.hex(32),
    "sendgrid": lambda d: f"SG.{d.safe(22)}.{d.safe(43)}",
    "npm": lambda d: "npm_" + d.word(36),
    "pypi": lambda d: "pypi-AgEIcHlwaS5vcmc" + d.safe(120),
    "openai": lambda d: f"sk-{d.word(20)}T3BlbkFJ{d.word(20)}",
    "openai project": lambda d: "sk-proj-" + d.safe(120),
    "anthropic": lambda d: f"sk-ant-api03-{d.safe(93)}AA",
    "hugging face": lambda d: "hf_" + d.word(34),
    "databricks": lambda d: "dapi" + d.hex(32),
    "vault": lambda d: "hvs." + d.safe(90),
    "vault legacy": lambda d: "s." + d.word(24),
    "grafana": lambda d: f"glsa_{d.word(32)}_{d.hex(8)}",
    "grafana cloud": lambda d: "glc_" + base64.b64encode(json.dumps({"o": "1", "k": d.word(32)}).encode()).decode(),
    "new relic": lambda d: "NRAK-" + d.of(_UPPER, 27),
    "telegram": lambda d: f"{d.random.randint(10**8, 10**10 - 1)}:AA{d.safe(33)}",
    "discord": lambda d: f"M{d.word(23)}.{d.word(6)}.{d.safe(38)}",
    "discord webhook": lambda d: f"https://discord.com/api/webhooks/{d.random.randint(10**17, 10**18)}/{d.safe(68)}",
    "heroku": lambda d: "HRKU-" + d.safe(60),
    "digitalocean": lambda d: "dop_v1_" + d.hex(64),
    "cloudflare origin": lambda d: f"v1.0-{d.hex(24)}-{d.hex(146)}",
    "shopify": lambda d: "shpat_" + d.hex(32),
    "square": lambda d: "sq0csp-" + d.safe(43),
    "mailgun": lambda d: "key-" + d.hex(32),
    "mailchimp": lambda d: d.hex(32) + "-us12",
    "docker": lambda d: "dckr_pat_" + d.safe(27),
    "terraform": lambda d: f"{d.word(14)}.atlasv1.{d.word(67)}",
    "google api": lambda d: "AIza" + d.safe(35),
    "google oauth": lambda d: "ya29." + d.safe(60),
    "google client": lambda d: "GOCSPX-" + d.safe(28),
    "azure client": lambda d: f"{d.word(3)}8Q~{d.word(34)}",
    "atlassian": lambda d: "ATATT3xFfGF0" + d.safe(160),
    "linear": lambda d: "lin_api_" + d.word(40),
    "jwt": lambda d: ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=")
        for part in (b'{"alg":"HS256","typ":"JWT"}', json.dumps({"sub": d.word(12)}).encode(), d.random.randbytes(32))
    ),
}  # fmt: skip

# A secret without a shape, in the place that gives it away.
PLACES: dict[str, Callable[[Drawer], tuple[str, str]]] = {
    "aws secret key": lambda d: _in("aws_secret_access_key = {}", d.b64(30)),
    "env password": lambda d: _in("DB_PASSWORD={}", d.password()),
    "env export": lambda d: _in('export API_TOKEN="{}"', d.hex(32)),
    "yaml password": lambda d: _in("  password: {}\n  host: db\n", d.password()),
    "yaml quoted": lambda d: _in("clientSecret: '{}'", d.password()),
    "yaml folded": lambda d: _in("password: >-\n  {}\nuser: shop\n", d.word(20)),
    "kubernetes secret": lambda d: _in("data:\n  password: {}\n", d.b64(12)),
    "kubernetes env": lambda d: _in("- name: DB_PASSWORD\n  value: {}\n", d.password()),
    "kubernetes env json": lambda d: _in('{{"name":"API_KEY","value":"{}"}}', d.word(24)),
    "kubeconfig token": lambda d: _in("users:\n- user:\n    token: {}\n", d.word(48)),
    "kubeconfig key": lambda d: _in("client-key-data: {}", base64.b64encode(_pem(d, "RSA ")[0].encode()).decode()),
    "json password": lambda d: _in('{{"user": "shop", "password": "{}"}}', d.password()),
    "json in json": lambda d: _in('{{"body": "{{\\"apiKey\\":\\"{}\\"}}"}}', d.word(24)),
    "python dict": lambda d: _in("{{'user': 'shop', 'password': '{}'}}", d.password()),
    "go struct": lambda d: _in("config={{User:shop Password:{} Host:db}}", d.word(14)),
    "java to string": lambda d: _in("Credentials[user=shop, password={}, host=db]", d.word(14)),
    "xml": lambda d: _in("<password>{}</password>", d.password()),
    "query": lambda d: _in("GET /v1/orders?access_token={}&page=2 HTTP/1.1", d.word(32)),
    "sas": lambda d: _in("https://a.blob.core.windows.net/c?sv=2022-11-02&sp=r&sig={}", quote(d.b64(32), safe="")),
    "bearer": lambda d: _in("Authorization: Bearer {}", d.word(40)),
    "basic": lambda d: _in("authorization: Basic {}", base64.b64encode(f"shop:{d.word(10)}".encode()).decode()),
    "curl user": lambda d: _in("curl -u admin:{} https://api.example.com/v1", d.word(14)),
    "curl header": lambda d: _in("curl -H 'X-Api-Key: {}' https://api.example.com", d.word(24)),
    "headers dict": lambda d: _in("{{'Authorization': 'Token {}', 'Accept': '*/*'}}", d.hex(40)),
    "header pairs": lambda d: _in('[["authorization", "Bearer {}"], ["accept", "*/*"]]', d.word(30)),
    "cookie": lambda d: _in("Cookie: JSESSIONID={}; theme=dark", d.of(_UPPER, 32)),
    "set cookie": lambda d: _in("Set-Cookie: session={}; Path=/; HttpOnly", d.safe(40)),
    "session id": lambda d: _in("user logged in, session_id={} ip=10.0.0.1", d.hex(32)),
    "postgres": lambda d: _in("postgresql://shop:{}@db:5432/shop?sslmode=require", d.word(14)),
    "mysql": lambda d: _in("mysql+pymysql://root:{}@10.0.0.3/shop", d.password()),
    "mongodb": lambda d: _in("mongodb+srv://shop:{}@cluster0.x1.mongodb.net/db", d.word(14)),
    "redis": lambda d: _in("redis://:{}@cache:6379/0", d.word(20)),
    "amqp": lambda d: _in("amqps://shop:{}@mq:5671/%2f", d.word(14)),
    "password with at": lambda d: _in("ftp://shop:{}@files/pub", f"{d.word(5)}@{d.word(6)}:{d.word(3)}"),
    "go mysql": lambda d: _in("shop:{}@tcp(db:3306)/shop?parseTime=true", d.word(14)),
    "jdbc": lambda d: _in("jdbc:sqlserver://db:1433;databaseName=shop;user=sa;password={};encrypt=true", d.word(14)),
    "jdbc query": lambda d: _in("jdbc:postgresql://db/shop?user=shop&password={}&ssl=true", d.word(14)),
    "ado": lambda d: _in("Server=db;Database=shop;User Id=sa;Password={};Encrypt=True;", d.word(14)),
    "azure storage": lambda d: _in("DefaultEndpointsProtocol=https;AccountName=a;AccountKey={};EndpointSuffix=core.windows.net", d.b64(64)),
    "service bus": lambda d: _in("Endpoint=sb://a/;SharedAccessKeyName=Root;SharedAccessKey={}", d.b64(32)),
    "npmrc": lambda d: _in("//registry.example.com/:_authToken={}", d.hex(36)),
    "npmrc auth": lambda d: _in("_auth={}", base64.b64encode(f"shop:{d.word(12)}".encode()).decode()),
    "docker config": lambda d: _in('{{"auths":{{"r.example.com":{{"auth":"{}"}}}}}}', base64.b64encode(f"shop:{d.word(14)}".encode()).decode()),
    "netrc": lambda d: _in("machine api.example.com login shop password {}", d.word(14)),
    "pgpass": lambda d: _in("db.example.com:5432:shop:shop:{}", d.word(14)),
    "htpasswd bcrypt": lambda d: _in("shop:{}", "$2y$10$" + d.of(_WORD + "./", 53)),
    "htpasswd apr1": lambda d: _in("shop:{}", f"$apr1${d.word(8)}${d.of(_WORD + './', 22)}"),
    "shadow": lambda d: _in("root:{}:19000:0:99999:7:::", f"$6${d.word(8)}${d.of(_WORD + './', 86)}"),
    "sql": lambda d: _in("ALTER USER shop IDENTIFIED BY '{}';", d.word(14)),
    "sql postgres": lambda d: _in("ALTER ROLE shop WITH PASSWORD '{}';", d.password()),
    "flag": lambda d: _in("migrate --db-password {} --verbose", d.word(14)),
    "flag equals": lambda d: _in("migrate --api-key={} --verbose", d.word(24)),
    "mysql flag": lambda d: _in("mysql -h db -u root -p{} shop", d.word(14)),
    "tfvars": lambda d: _in('db_password = "{}"', d.password()),
    "properties": lambda d: _in("spring.datasource.password={}", d.password()),
    "setter": lambda d: _in('config.setPassword("{}");', d.word(14)),
    "datadog": lambda d: _in("DD_API_KEY={}", d.hex(32)),
    "cloudflare": lambda d: _in("CLOUDFLARE_API_TOKEN={}", d.safe(40)),
    "twilio auth token": lambda d: _in("TWILIO_AUTH_TOKEN: {}", d.hex(32)),
    "heroku key": lambda d: _in("HEROKU_API_KEY={}", f"{d.hex(8)}-{d.hex(4)}-{d.hex(4)}-{d.hex(4)}-{d.hex(12)}"),
    "sentry dsn": lambda d: _in("https://{}@o1.ingest.example.io/1", d.hex(32)),
    "digest": lambda d: _in("response handler key {} loaded", d.word(40)),
    "bare base64": lambda d: _in("using {} as given", d.b64(48)),
}  # fmt: skip


def _in(place: str, secret: str) -> tuple[str, str]:
    return place.format(secret), secret


def _pem(drawer: Drawer, algorithm: str) -> tuple[str, tuple[str, ...]]:
    lines = [drawer.b64(48) for _ in range(6)] + [drawer.b64(20)]
    body = "\n".join(lines)
    return f"-----BEGIN {algorithm}PRIVATE KEY-----\n{body}\n-----END {algorithm}PRIVATE KEY-----", tuple(lines)


def _of_tokens(drawer: Drawer) -> Iterator[Planted]:
    for kind, make in TOKENS.items():
        token = make(drawer)
        last = token[-8:]
        yield Planted(f"{kind}, bare", f"2026-11-03T10:00:01Z WARN client used {token} for the call", (last,))
        yield Planted(f"{kind}, in json", json.dumps({"level": "info", "detail": f"sent {token}"}), (last,))
        yield Planted(
            f"{kind}, base64",
            f"payload {base64.b64encode(('password=' + token).encode()).decode()} end",
            (base64.b64encode(("password=" + token).encode()).decode()[12:24],),
        )
        half = len(token) // 2
        yield Planted(f"{kind}, split quotes", f'x = "{token[:half]}" + "{token[half:]}"', (token[half:], last))
        yield Planted(f"{kind}, split lines", f"key is '{token[:half]}' \\\n    '{token[half:]}'", (token[half:], last))
        escaped = "".join(f"\\u{ord(c):04x}" if place % 3 == 0 else c for place, c in enumerate(token))
        yield Planted(f"{kind}, json escapes", f'{{"v": "{escaped}"}}', (escaped[-14:],))
        encoded = "".join(f"%{ord(c):02X}" if place % 4 == 0 else c for place, c in enumerate(token))
        yield Planted(f"{kind}, url escapes", f"GET /cb?v={encoded}&page=1", (encoded[-10:],))


def _of_places(drawer: Drawer) -> Iterator[Planted]:
    for kind, make in PLACES.items():
        text, secret = make(drawer)
        pieces = (
            tuple(secret[place : place + 6] for place in (0, len(secret) // 2, len(secret) - 6))
            if len(secret) < 60
            else (secret[20:40], secret[-8:])
        )
        yield Planted(
            kind, text, pieces if kind not in ("htpasswd bcrypt", "htpasswd apr1", "shadow") else (secret[-12:],)
        )
        yield Planted(f"{kind}, logged as json", json.dumps({"ts": 1, "message": text}), pieces[-1:])
        coded = base64.b64encode(text.encode()).decode()
        if kind not in ("digest", "bare base64"):
            yield Planted(f"{kind}, base64", f"blob: {coded}", (coded[len(coded) // 2 : len(coded) // 2 + 12],))


def _of_keys(drawer: Drawer) -> Iterator[Planted]:
    for algorithm in ("", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED "):
        block, lines = _pem(drawer, algorithm)
        yield Planted(f"{algorithm}private key", f"loaded\n{block}\nnext line", lines)
        yield Planted(f"{algorithm}private key, one line", json.dumps({"private_key": block}), lines)
        yield Planted(f"{algorithm}private key, twice escaped", json.dumps(json.dumps({"k": block})), lines)
        yield Planted(
            f"{algorithm}private key, indented",
            "tls:\n  key: |\n" + "".join(f"    {line}\n" for line in block.split("\n")) + "port: 1\n",
            lines,
        )
        yield Planted(f"{algorithm}private key, in a diff", "".join(f"+{line}\n" for line in block.split("\n")), lines)
        yield Planted(f"{algorithm}private key, cut short", block[: block.index("-----END")], lines)
        yield Planted(
            f"{algorithm}private key, quoted lines", " +\n".join(f'"{line}\\n"' for line in block.split("\n")), lines
        )


def planted_secrets(seed: int, rounds: int = 1) -> list[Planted]:
    """More than 500 a round; the same for the same seed."""
    drawer = Drawer(seed)
    return [one for _ in range(rounds) for make in (_of_tokens, _of_places, _of_keys) for one in make(drawer)]
