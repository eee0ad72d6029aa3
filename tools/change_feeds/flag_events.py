"""Webhooks of feature-flag services: LaunchDarkly, Unleash, flagd, and whoever sends a key with an old and a new value.

The id of such a change is the flag's key, by which the code refers to it.
"""

import re

from diagnosis.telemetry import Change, ChangeKind
from tools.change_feeds.event_errors import ChangeEventError, NotAChangeError
from tools.change_feeds.fields import Fields, clean, first, first_value, mapping, moment, sequence, shown, text

_FLAG_KEYS = ("flagKey", "flag_key", "featureName", "feature_name")
_OLD = ("oldValue", "old_value", "previousValue", "previous_value", "old", "previous", "from", "before", "preData")
_NEW = ("newValue", "new_value", "currentValue", "current_value", "value", "new", "current", "to", "after", "data")
_WHO = ("createdBy", "created_by", "changed_by", "changedBy", "author", "user", "who", "member", "by")
_TIMES = ("date", "createdAt", "created_at", "timestamp", "time", "updated_at", "updatedAt")
_RESOURCE = re.compile(r"proj/[^:]*:env/([^:;]*):flag/([^:;]+)")
# Of Unleash's feature-… events those after which the application behaves as before.
_SILENT = re.compile(r"-(?:tagged|untagged|metadata-updated|stale-on|stale-off|potentially-stale-on|favorited|import)$")
MOST_FLAGS = 1_000


def is_flag_event(data: Fields, said: ChangeKind | None = None) -> bool:
    """True for the shapes below. Our own form names its flag ``flag`` and is none of them.

    ``said`` is the kind that the envelope tells: a setting has a key with values too.
    """
    if _is_audit_entry(data):
        return True
    if text(data.get("kind")) not in ("", "flag"):
        return False
    if _flags(data) is not None or any(text(data.get(name)) for name in _FLAG_KEYS):
        return True
    return (
        said in (None, ChangeKind.FLAG) and bool(text(data.get("key"))) and any(name in data for name in (*_OLD, *_NEW))
    )


def changes_of(data: Fields, sent: float | None) -> list[Change]:
    """The flips that a webhook tells of; ``sent`` is the time of its envelope (epoch seconds) or None.

    Raises ``NotAChangeError`` for what changes no flag, ``ChangeEventError`` for what is broken.
    """
    if _is_audit_entry(data):
        return [_launchdarkly(data, sent)]
    flags = _flags(data)
    if flags is not None:
        return _flagd(data, flags, sent)
    return [_keyed(data, sent)]


def _is_audit_entry(data: Fields) -> bool:
    return "_id" in data and "accesses" in data


def _launchdarkly(data: Fields, sent: float | None) -> Change:
    """An entry of LaunchDarkly's audit log, which is what its webhook sends."""
    if data.get("kind") != "flag":
        raise NotAChangeError(f"an audit entry about {shown(data.get('kind'))[:40]!r} changes no flag")
    resources = (text(mapping(access).get("resource")) for access in sequence(data.get("accesses"))[:20])
    found = next((match for resource in resources if (match := _RESOURCE.match(resource))), None)
    environment, key = (found[1], found[2]) if found else ("", first(data, "name"))
    before, after = _switched(data, environment)
    title = (
        first(data, "title", "shortDescription") or " ".join((first(data, "titleVerb"), first(data, "name"))).strip()
    )
    return _flip(key, data, sent, title, before, after)


def _switched(data: Fields, environment: str) -> tuple[str, str]:
    """Off and on of the environment before and after; by the verb where the versions are not sent."""
    states = [
        text(mapping(mapping(mapping(data.get(version)).get("environments")).get(environment)).get("on"))
        for version in ("previousVersion", "currentVersion")
    ]
    if all(states):
        return (states[0], states[1]) if states[0] != states[1] else ("", "")
    verb = first(data, "titleVerb").lower()
    return ("false", "true") if "turned on" in verb else ("true", "false") if "turned off" in verb else ("", "")


def _flags(data: Fields) -> Fields | None:
    """The flags of flagd's ``configuration_change`` event."""
    flags = data.get("flags", mapping(data.get("data")).get("flags"))
    return flags if isinstance(flags, dict) else None


def _flagd(data: Fields, flags: Fields, sent: float | None) -> list[Change]:
    if not flags:
        raise NotAChangeError("this configuration change names no flag")
    if len(flags) > MOST_FLAGS:
        raise ChangeEventError(f"{len(flags):,} flags in one event are too many: send at most {MOST_FLAGS:,}")
    return [_of_flagd(clean(str(key), 200), mapping(told), data, sent) for key, told in flags.items()]


def _of_flagd(key: str, told: Fields, data: Fields, sent: float | None) -> Change:
    title = f"flag {key}: {first(told, 'type') or 'changed'}"
    after = first_value(told, *_NEW) or first(told, "defaultVariant") or first(told, "state")
    return _flip(key, data, sent, title, first_value(told, *_OLD), after)


def _keyed(data: Fields, sent: float | None) -> Change:
    """A key with an old and a new value, as Unleash and many others send it."""
    type_name = first(data, "type", "event_type")
    if _SILENT.search(type_name):
        raise NotAChangeError(f"{type_name[:80]} does not change what a flag does")
    before, after = first_value(data, *_OLD), first_value(data, *_NEW)
    if type_name.endswith(("-enabled", "-disabled")):
        on = type_name.endswith("-enabled")
        before, after = ("false", "true") if on else ("true", "false")
    return _flip(first(data, *_FLAG_KEYS, "key"), data, sent, first(data, "title", "summary", "comment"), before, after)


def _flip(key: str, data: Fields, sent: float | None, title: str, before: str, after: str) -> Change:
    time = next((found for name in _TIMES if (found := moment(data.get(name))) is not None), sent)
    if not key:
        raise ChangeEventError("a flag event without a flag: give its key")
    if time is None:
        raise ChangeEventError(f"flag {key[:80]!r} was changed at no time: give time (RFC 3339 or epoch seconds)")
    where = first(data, "environment", "env")
    said = title or f"flag {key} changed{f' in {where}' if where else ''}"
    return Change(
        ChangeKind.FLAG, key, time, first(data, "service", "entity", "application"), clean(said), first(data, *_WHO),
        before=before, after=after,
    )  # fmt: skip
