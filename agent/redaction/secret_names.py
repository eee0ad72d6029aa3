"""Which names mean a secret, and which values are none: words of code, of configuration and of error messages."""

import re
from enum import StrEnum
from functools import lru_cache

from agent.redaction.drawn_strings import turns


class Means(StrEnum):
    """What a name says of its value: any value is secret, or only one that is no word, or only one that looks drawn."""

    PASSWORD = "password"  # noqa: S105 - kinds, not secrets
    TOKEN = "token"  # noqa: S105
    MAYBE = "maybe"
    NOTHING = "nothing"


_PASSWORDS = frozenset(
    "password passwd passwort passphrase passcode pwd passw psk bindpw userpass dbpass mypass adminpass sshpass authpass pgpassword redispass secretpassword userpassword dbpassword rootpassword adminpassword keystorepassword truststorepassword keypassword storepassword cvv cvc otp".split()
)
_TOKENS = frozenset(
    "token secret apikey apitoken accesskey accesstoken secretkey secretaccesskey privatekey authtoken refreshtoken sessiontoken idtoken clientsecret consumersecret appsecret appkey authkey masterkey encryptionkey signingkey sharedkey sharedaccesskey accountkey storagekey licensekey hmackey servicekey webhooksecret bottoken bearertoken identitytoken registrytoken jwt bearer xsrf csrf csrftoken xsrftoken sastoken hmacsecret clientkeydata privatetoken usertoken deploytoken credential credentials creds authorization xapikey secretid roleid".split()
)
_PAIRS = frozenset({
    ("api", "key"), ("access", "key"), ("secret", "key"), ("private", "key"), ("app", "key"), ("application", "key"),
    ("auth", "key"), ("master", "key"), ("encryption", "key"), ("signing", "key"), ("shared", "key"),
    ("account", "key"), ("storage", "key"), ("license", "key"), ("hmac", "key"), ("service", "key"),
    ("admin", "key"), ("function", "key"), ("host", "key"), ("ssh", "key"), ("deploy", "key"), ("subscription", "key"),
    ("integration", "key"), ("routing", "key"), ("cipher", "key"), ("crypto", "key"), ("aes", "key"), ("jwt", "key"),
    ("insert", "key"), ("ingest", "key"), ("client", "key"), ("server", "key"), ("connection", "string"),
    ("key", "data"), ("access", "code"), ("recovery", "code"), ("secret", "id"), ("secret", "access"), ("token", "secret"),
})  # fmt: skip
_MAYBE = frozenset(
    "auth key pass pw session sessionid sid sig signature jsessionid phpsessid sessid cookie sas dsn salt webhook".split()
)
# Words after the one that means a secret and change nothing about it.
_ADDED = frozenset(
    "value val prod production dev development stage staging test old new current previous primary secondary default base64 b64 hex plain plaintext raw text string str live base backup bytes main master write read ro rw admin root user override legacy app db a b".split()
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_PLACEHOLDER = re.compile(
    r"\[secret:|<[^<>\n]{0,80}>?|\$\{?[A-Za-z_(]|\$\$?$|\{\{|\{[A-Za-z_][\w.:!-]{0,60}\}$|\{\}|%[sdvqr+#(]|\*{3,}|[xX.•_-]{3,}$"
    r"|\[?(?i:redacted|masked|filtered|hidden|omitted|removed|scrubbed|changeme\b|undefined|null|none|nil|true|false)\b|@|&[A-Za-z_]\w*$"
)
_CODE = re.compile(
    r"(?:await |new |not )?[A-Za-z_]+(?:(?:\.|::|->)[A-Za-z_]+)*[\[(]|(?:self|this|os|process|req|request|ctx)\.[A-Za-z_]"
    r"|[a-z_]{2,}(?:[A-Z][a-z]{2,})*(?:(?:\.|->)[a-z_]{2,}(?:[A-Z][a-z]{2,})*)+,?$"
)
_PATH = re.compile(r"(?:[A-Za-z]:)?[./\\~]{1,3}[\w@.-]*(?:/[\w@.-]+)+/?$|file:")
_URL = re.compile(r"[a-z][a-z0-9+.-]{1,20}://")
_REFERENCE = re.compile(
    r"(?:vault|arn|secretref|secretsmanager|ssm|op|env|sops|kms|projects|keyvault|ref\+\w+):|valueFrom|secretKeyRef|projects/"
)
_PROSE = frozenset(
    "str string bytes byte int integer float bool boolean object any optional secretstr var let const return function char text varchar number type is was has have had are were be been must should may can cannot could will would not no for from of in on at to by with without and or but the an this that these if when then expired invalid incorrect wrong missing mismatch required optional empty blank unset set found absent unknown failed failure failing error errors denied rejected accepted accept valid verified verification validation validated ok okay yes enabled disabled changed change updated update reset rotated rotation renewed refreshed refresh created deleted revoked cached issued received sent provided given supplied used using uses length count size auth authentication authorization basic bearer digest negotiate ntlm credentials credential password passwd token tokens secret secrets key keys user username login expires expiry ttl please check see contains does did do needs need too already still only was eof end identifier ident symbol keyword operator whitespace newline eol lexer parser response request header headers cookie cookies file files directory name names value values service account default manager unauthorized forbidden hashed encrypted hidden prompt sha256 md5 bcrypt scrypt argon2 rsa all each every mounted mount policy store prefix".split()
)
_NUMBER = re.compile(r"-?\d{1,7}(?:\.\d+)?(?:ms|s|m|h|d|[kKMG]i?B?|%)?$")
_KEBAB = re.compile(r"[a-z]+(?:[-./_][a-z]+)+$")
_LETTERS = re.compile(r"[A-Za-z]{1,7}$")
_HEX = re.compile(r"[0-9a-fA-F-]+")
_ENCODED = re.compile(r"[A-Za-z0-9+/=_.~%-]{12,}")
_TEMPLATE = re.compile(r"<\*>|<:[A-Z]+:>")


@lru_cache(4096)
def meaning(name: str) -> Means:
    """What a variable, key, header or flag of this name holds."""
    words = [word.lower() for word in _WORDS.findall(name)]
    while len(words) > 1 and (words[-1] in _ADDED or words[-1].isdigit()):
        words.pop()
    if not words:
        return Means.NOTHING
    last = words[-1]
    two = "".join(words[-2:])
    if last in _PASSWORDS or two in _PASSWORDS:
        return Means.PASSWORD
    if last in ("pass", "pw") and len(words) > 1:
        return Means.PASSWORD
    if last in _TOKENS or two in _TOKENS or tuple(words[-2:]) in _PAIRS:
        return Means.TOKEN
    if last.endswith(("password", "passwd", "secretkey", "apikey", "authtoken", "accesstoken")):
        return Means.PASSWORD if last.endswith(("password", "passwd")) else Means.TOKEN
    return Means.MAYBE if last in _MAYBE or two in _MAYBE else Means.NOTHING


def is_secret(value: str, means: Means, name: str, *, quoted: bool = False) -> bool:
    """Whether a value under such a name is a secret and not a reference to one, code, a placeholder or prose."""
    if not value or means is Means.NOTHING or _PLACEHOLDER.match(value) or _TEMPLATE.search(value):
        return False
    if _URL.match(value) or _PATH.match(value) or _REFERENCE.match(value) or (not quoted and _CODE.match(value)):
        return False
    if value.lower() in _PROSE or value.lower().rstrip(".,:;!?") in _PROSE or value.lower() == name.lower():
        return False
    if not any(map(str.isalnum, value)):
        return False
    match means:
        case Means.PASSWORD:
            return True
        case Means.TOKEN:
            return not (_NUMBER.match(value) or _KEBAB.match(value) or _LETTERS.match(value))
        case Means.MAYBE:
            return _looks_drawn(value) and not (name.lower().endswith("key") and _HEX.fullmatch(value))


def _looks_drawn(value: str) -> bool:
    """Whether a part of it, between separators, mixes letters and digits and is no word with a number."""
    if not _ENCODED.fullmatch(value):
        return False
    parts = re.split(r"[-_.]", value)
    return any(len(part) >= 12 and turns(part) >= 0.2 * len(part) for part in parts) or (
        len(value) >= 20 and turns(value) >= 0.3 * len(value)
    )
