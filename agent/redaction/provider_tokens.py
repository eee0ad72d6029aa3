"""Tokens that are known by their shape: the rules of detect-secrets, and our own for what it lacks or sees too narrowly.

All of them are one RE2 pattern, so that a text is read once however many rules there are.
"""

import importlib
import re
from collections.abc import Iterator
from functools import cache

from agent.redaction.scanning import Cut, Page, Shape

# Detectors of detect-secrets (Yelp, Apache-2.0) that know a token by its shape alone; those that guess are left out.
_DETECTORS = {
    "aws": "AWSKeyDetector",
    "discord": "DiscordBotTokenDetector",
    "github_token": "GitHubTokenDetector",
    "gitlab_token": "GitLabTokenDetector",
    "mailchimp": "MailchimpDetector",
    "openai": "OpenAIDetector",
    "pypi_token": "PypiTokenDetector",
    "sendgrid": "SendGridDetector",
    "slack": "SlackDetector",
    "square_oauth": "SquareOAuthDetector",
    "stripe": "StripeDetector",
    "telegram_token": "TelegramBotTokenDetector",
    "twilio": "TwilioKeyDetector",
}
_NAMES = {
    "github_token": "github",
    "gitlab_token": "gitlab",
    "pypi_token": "pypi",
    "square_oauth": "square",
    "telegram_token": "telegram",
}

_OWN = (
    ("age", r"AGE-SECRET-KEY-1[0-9A-Z]{20,}"),
    ("airtable", r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}"),
    ("alibaba", r"LTAI[A-Za-z0-9]{12,}"),
    ("anthropic", r"sk-ant-[A-Za-z0-9_-]{16,}"),
    ("atlassian", r"AT(?:ATT3|CTT3|BB|STT3)[A-Za-z0-9_=+-]{20,}"),
    ("aws", r"(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{12,}"),
    ("aws", r"ABSK[A-Za-z0-9+/=]{40,}"),
    ("azure", r"[A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{30,}"),
    ("buildkite", r"bk(?:ua|ct|aj)_[a-f0-9]{40}"),
    ("circleci", r"CCI(?:PAT|PRJ)_[A-Za-z0-9_]{30,}"),
    ("cloudflare", r"cf(?:ut|k|at|st)_[A-Za-z0-9_-]{30,}"),
    ("cloudflare", r"v1\.0-[a-f0-9]{20,}-[a-f0-9]{40,}"),
    ("databricks", r"(?:dapi|dkea|dose|doae)[a-h0-9]{32}(?:-[0-9])?"),
    ("datadog", r"dd(?:pat|app|api|oat|p)_[A-Za-z0-9_-]{20,}"),
    ("digitalocean", r"do[oprt]_v1_[a-f0-9]{40,}"),
    ("discord", r"[MNO][A-Za-z0-9_-]{22,28}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,45}"),
    ("discord", r"discord(?:app)?\.com/api/(?:v[0-9]+/)?webhooks/[0-9]{5,}/[A-Za-z0-9_-]{20,}"),
    ("docker", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{16,}"),
    ("doppler", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{30,}"),
    ("dynatrace", r"dt0[a-z][0-9]{2}\.[A-Z0-9]{16,}\.[A-Z0-9]{40,}"),
    ("facebook", r"EAA[A-Za-z0-9]{60,}"),
    ("figma", r"figd_[A-Za-z0-9_-]{30,}"),
    ("fly", r"(?:fo1_[A-Za-z0-9_-]{40,}|fm[12][ar]?_[A-Za-z0-9+/=,]{60,})"),
    ("github", r"(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})"),
    ("gitlab", r"(?:gl(?:pat|dt|ft|soat|rt|rtr|cbt|imt|ptt|agent|oas|ffct|wt)-|GR1348941)[A-Za-z0-9_.-]{16,}"),
    ("google", r"(?:AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_.-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,})"),
    ("google-refresh", r"1//0[A-Za-z0-9_-]{30,}"),
    ("grafana", r"(?:gl(?:sa|c)_[A-Za-z0-9+/=_-]{28,}|eyJrIjoi[A-Za-z0-9+/=_-]{30,})"),
    ("groq", r"gsk_[A-Za-z0-9]{30,}"),
    ("heroku", r"HRKU-[A-Za-z0-9_-]{30,}"),
    ("huggingface", r"(?:hf_[A-Za-z0-9]{20,}|api_org_[A-Za-z0-9]{20,})"),
    ("jwt", r"eyJ[A-Za-z0-9_-]{8,}={0,2}\.[A-Za-z0-9_-]{4,}={0,2}(?:\.[A-Za-z0-9_-]*){0,3}"),
    ("langsmith", r"lsv2_(?:pt|sk)_[a-f0-9]{20,}(?:_[a-f0-9]+)?"),
    ("linear", r"lin_(?:api|oauth)_[A-Za-z0-9]{30,}"),
    ("mailgun", r"(?:pub)?key-[a-f0-9]{32}"),
    ("mailgun", r"[a-f0-9]{32}-[a-f0-9]{8}-[a-f0-9]{8}"),
    ("netlify", r"nf[pcoub]_[A-Za-z0-9_-]{30,}"),
    ("newrelic", r"(?:NRAK-[A-Z0-9]{20,}|NRJS-[a-f0-9]{16,}|NRI[IQ]-[A-Za-z0-9_-]{20,}|NRAA-[a-f0-9]{20,}|NRRA-[a-f0-9]{30,}|[a-f0-9]{30,36}F?NRAL)"),
    ("notion", r"(?:ntn_|secret_)[A-Za-z0-9]{40,}"),
    ("npm", r"npm_[A-Za-z0-9]{30,}"),
    ("onepassword", r"ops_eyJ[A-Za-z0-9+/=_-]{40,}"),
    ("openai", r"s(?:k|ess)-[A-Za-z0-9_-]{20,}"),
    ("perplexity", r"pplx-[A-Za-z0-9]{30,}"),
    ("planetscale", r"pscale_(?:tkn|pw|oauth|app)_[A-Za-z0-9_.=-]{30,}"),
    ("postman", r"PMAK-[a-f0-9]{20,}-[a-f0-9]{30,}"),
    ("posthog", r"ph[cx]_[A-Za-z0-9]{30,}"),
    ("pulumi", r"pul-[a-f0-9]{40}"),
    ("pypi", r"pypi-[A-Za-z0-9_-]{40,}"),
    ("replicate", r"r8_[A-Za-z0-9]{30,}"),
    ("rubygems", r"rubygems_[a-f0-9]{40,}"),
    ("sendgrid", r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    ("sendinblue", r"xkeysib-[a-f0-9]{40,}-[A-Za-z0-9]{10,}"),
    ("sentry", r"sntr[yu]s_[A-Za-z0-9+/=_-]{40,}"),
    ("shopify", r"shp(?:at|ca|pa|ss|ua|tka)_[A-Fa-f0-9]{28,}"),
    ("slack", r"(?:xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}|xapp-[0-9]-[A-Za-z0-9-]{10,})"),
    ("slack", r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9_/-]{16,}"),
    ("sonar", r"sq[pua]_[a-f0-9]{40}"),
    ("square", r"(?:sq0[a-z]{3}-[A-Za-z0-9_-]{20,}|EAAA[A-Za-z0-9_-]{50,})"),
    ("stripe", r"(?:[rsp]k_(?:live|test|prod)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,})"),
    ("supabase", r"(?:sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{20,})"),
    ("tailscale", r"tskey-[a-z]+-[A-Za-z0-9-]{16,}"),
    ("teams", r"(?:outlook\.office|[a-z0-9-]+\.webhook\.office)\.com/webhook(?:b2)?/[A-Za-z0-9@/_-]{20,}"),
    ("telegram", r"[0-9]{8,10}:AA[A-Za-z0-9_-]{30,}"),
    ("tencent", r"AKID[A-Za-z0-9]{28,}"),
    ("terraform", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,}"),
    ("twilio", r"(?:AC|SK)[a-f0-9]{32}"),
    ("twitter", r"AAAAAAAAAA[A-Za-z0-9%=_-]{40,}"),
    ("vault", r"(?:hv[sbr]\.[A-Za-z0-9_-]{20,}|s\.[A-Za-z0-9]{24})"),
    ("xai", r"xai-[A-Za-z0-9]{40,}"),
)  # fmt: skip

# A shape that words can have too: "sk-learn-pipelines-and-models", "s.ConcurrentHashMapSegments", names of classes.
_VAGUE = frozenset({"discord", "openai", "vault", "google-refresh"})
_AFTER = re.compile(r"[A-Za-z0-9_-]{0,4096}")
_LOOKAHEAD = re.compile(r"\(\?!\\w\)")
_LONG = re.compile(r",\d{4,}\}")  # RE2 counts to a thousand


def provider_tokens(page: Page, *, to_the_end: bool = True) -> Iterator[Cut]:
    """Every token of a known shape; ``to_the_end`` takes the rest of the word with it."""
    text = page.text
    for start, end in page.spans(provider_shape()):
        if start and text[start - 1].isalnum() and text[start - 1].isascii():
            continue  # inside a longer word
        kind = _kind(text[start:end])
        if not _varied(text[start:end], strict=kind in _VAGUE):
            continue
        after = _AFTER.match(text, end) if to_the_end else None
        yield Cut(start, after.end() if after else end, kind)


def _varied(token: str, *, strict: bool) -> bool:
    """Whether it has what drawn characters have: letters and digits, or letters of both cases."""
    digits = sum(character.isdigit() for character in token)
    upper, lower = any(map(str.isupper, token)), any(map(str.islower, token))
    if len(set(token)) < 7:
        return False
    if not strict:
        return bool(digits) or (upper and lower)
    return digits > 1 and ((upper and lower) or max(map(len, re.split(r"[-_]", token))) > 15)


@cache
def _rules() -> tuple[tuple[str, str], ...]:
    theirs = []
    for module, name in _DETECTORS.items():
        detector = getattr(importlib.import_module(f"detect_secrets.plugins.{module}"), name)
        for rule in detector.denylist:
            # What is asked of the next character is dropped: the rest of the word is cut as well.
            pattern = _LONG.sub(",}", _LOOKAHEAD.sub("", rule.pattern))
            theirs.append((_NAMES.get(module, module), f"(?i:{pattern})" if rule.flags & re.IGNORECASE else pattern))
    return (*_OWN, *theirs)


@cache
def provider_shape() -> Shape:
    """Every rule in one."""
    union = "|".join(f"(?:{pattern})" for _, pattern in _rules())
    return Shape(union, union)


@cache
def _kinds() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((kind, re.compile(pattern)) for kind, pattern in _rules())


def _kind(token: str) -> str:
    return next((kind for kind, pattern in _kinds() if pattern.match(token)), "token")
