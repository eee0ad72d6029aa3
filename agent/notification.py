"""What Alertmanager, or who speaks as it does, says in one webhook call, read leniently: which alerts fire, which have
ended.

Its texts are data. All firing alerts of one notification are one incident: the earliest of what is new becomes the
alert, the others are named in its summary.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from agent.alert_expression import metric_of
from agent.alerts import AlertError, parse_fields, parse_time
from agent.redaction import cut_secrets, cut_tokens
from agent.state import Alert
from agent.text_room import Room, shortened, to_a_blank

_ALERTMANAGER = "alertmanager"
_MOST_COMMON = 200  # labels or annotations; each is read again with every alert
_MOST_NAMED = 12
_LONGEST_NAME = 80
_LONGEST_SUMMARY = 4_000
_VERSIONS = {_ALERTMANAGER: "Alertmanager notification (version 4)", "grafana": "Grafana notification (version 1)"}
_CLUSTER_KEYS = ("cluster", "cluster_name", "k8s_cluster_name", "k8s.cluster.name")
_NAMESPACE_KEYS = ("namespace", "kubernetes_namespace", "k8s_namespace_name", "k8s.namespace.name")


def _text(value: object) -> object:
    """Scalars as text, null as nothing; what is neither is left for pydantic to refuse."""
    return "" if value is None else str(value) if isinstance(value, int | float) else value


def _texts(value: object) -> object:
    return {key: _text(item) for key, item in value.items()} if isinstance(value, Mapping) else value or {}


def _few_texts(value: object) -> object:
    return _texts(dict(islice(value.items(), _MOST_COMMON)) if isinstance(value, Mapping) else value)


_Text = Annotated[str, BeforeValidator(_text)]
_Texts = Annotated[dict[str, str], BeforeValidator(_texts)]
_FewTexts = Annotated[dict[str, str], BeforeValidator(_few_texts)]


class NotifiedAlert(BaseModel):
    """One alert of a notification, by Alertmanager's names."""

    model_config = ConfigDict(frozen=True)

    status: _Text = "firing"
    labels: _Texts = {}
    annotations: _Texts = {}
    startsAt: _Text = ""  # noqa: N815 - Alertmanager's name
    endsAt: _Text = ""  # noqa: N815 - Alertmanager's name
    generatorURL: _Text = ""  # noqa: N815 - Alertmanager's name
    fingerprint: _Text = ""


class Notification(BaseModel):
    """Alertmanager's webhook, version 4. Unknown fields are ignored."""

    model_config = ConfigDict(frozen=True)

    alerts: tuple[Any, ...]  # each is validated by itself: one that cannot be read must not cost its neighbours
    commonLabels: _FewTexts = {}  # noqa: N815 - Alertmanager's name
    commonAnnotations: _FewTexts = {}  # noqa: N815 - Alertmanager's name
    groupLabels: Any = None  # noqa: N815 - Alertmanager's name
    truncatedAlerts: int | None = None  # noqa: N815 - Alertmanager's name


@dataclass(frozen=True, slots=True)
class Place:
    """Where an alert says it is; "" where it does not say. ``group`` is the same for alerts that their sender groups."""

    cluster: str = ""
    namespace: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Firing:
    """One firing of one alert: the same alert with another start is another firing. ``started_at`` is epoch seconds.

    ``rule_link`` is its generator's URL, never followed. Where the sender does not tell the start of what goes on,
    ``continues`` is set: then it is the firing that is known and has not ended, if there is one.
    """

    fingerprint: str
    started_at: float
    alert: Alert
    rule_link: str = ""
    place: Place = Place()
    continues: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """A firing that has ended, at ``ended_at`` in epoch seconds; None where that was not said.

    ``started_at`` None is the newest firing before ``ended_at``.
    """

    fingerprint: str
    started_at: float | None
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class Told:
    """A notification, read; it tells of nothing where it is about something else. ``left_out`` alerts are not in it.

    ``unread`` says which of these could not be read and why, at most twelve.
    """

    firings: tuple[Firing, ...]
    endings: tuple[Ending, ...]
    left_out: int = 0
    unread: tuple[str, ...] = ()


def read_notification(raw: object, sender: str = _ALERTMANAGER, room: Room | None = None) -> Told:
    """Of Alertmanager, or of another ``sender`` with the same form; ``room`` is what its delivery may take up.

    Raises ``AlertError`` where it is no notification, or not one of its alerts can be read.
    """
    room = room or Room()
    notification = _validated(raw, sender)
    if not notification.alerts:
        raise AlertError("this notification has no alerts: nothing fires and nothing has ended")
    firings: list[Firing] = []
    endings: list[Ending] = []
    errors: list[AlertError] = []
    for place, raw_item in enumerate(notification.alerts[: room.seats(len(notification.alerts))]):
        try:
            item = _item(raw_item, place)
            alert = _alert(item, notification, sender, room)
        except AlertError as error:  # its neighbours may be fine, and an alert is too dear to lose to a neighbour
            errors.append(error)
            continue
        if item.status.strip().lower() == "resolved":
            endings.append(Ending(_fingerprint(item, sender), alert.fired_at, _end(item)))
        else:
            where = _place(item, notification, sender)
            firings.append(Firing(_fingerprint(item, sender), alert.fired_at, alert, item.generatorURL, where))
    if errors and not firings and not endings:
        raise errors[0]
    beyond = len(notification.alerts) - len(firings) - len(endings)
    left_out = beyond + max(notification.truncatedAlerts or 0, 0)
    return Told(tuple(firings), tuple(endings), left_out, tuple(str(error) for error in errors[:_MOST_NAMED]))


def incident_alert(firings: Sequence[Firing], left_out: int = 0) -> Alert:
    """The earliest of them (at least one), with what its rule tells and the others named in its summary."""
    first, *others = sorted(firings, key=lambda firing: (firing.started_at, firing.fingerprint))
    alert = _with_rule(first)
    named = [f"{_short(other.alert.name)} ({_short(other.alert.entity) or 'no service'})" for other in others]
    named = list(dict.fromkeys(named))
    more = len(named[_MOST_NAMED:]) + left_out
    if not named and not more:
        return alert
    said = "; ".join(named[:_MOST_NAMED] + ([f"{more} more"] if more else []))
    summary = f"{alert.summary} Firing with it: {said}.".strip()
    return alert.model_copy(update={"summary": cut_secrets(summary)})


def with_another(alert: Alert, others: Sequence[Firing]) -> Alert:
    """The alert of an incident that others join, which it names as long as there is room."""
    summary = alert.summary
    for other in others:
        said = f" Firing too: {_short(other.alert.name)} ({_short(other.alert.entity) or 'no service'})."
        if said not in summary and summary.count("Firing too: ") < _MOST_NAMED:
            summary += said
    return alert.model_copy(update={"summary": cut_secrets(summary.strip())[:_LONGEST_SUMMARY]})


def place_of(labels: Mapping[str, str], group: str = "") -> Place:
    """Cluster and namespace, by the names that labels give them."""
    cluster, namespace = (
        next((clean(labels[key])[:_LONGEST_NAME] for key in keys if labels.get(key)), "")
        for keys in (_CLUSTER_KEYS, _NAMESPACE_KEYS)
    )
    return Place(cluster, namespace, group)


def fingerprint(said: str, sender: str) -> str:
    """Of bounded length and ASCII, whatever was said; two senders share none."""
    told = said if sender == _ALERTMANAGER else f"{sender}\0{said}"
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def clean(text: str) -> str:
    """Without half surrogate pairs, which JSON may carry and no database can hold."""
    return text.encode("utf-8", "replace").decode()


def _with_rule(firing: Firing) -> Alert:
    """Metric and threshold from the rule, where the alert itself does not tell them."""
    alert = firing.alert
    metric, threshold = metric_of(firing.rule_link)
    told = {
        "metric": alert.metric or cut_tokens(metric),
        "threshold": threshold if alert.threshold is None else alert.threshold,
    }
    return alert.model_copy(update=told)


def _validated(raw: object, sender: str) -> Notification:
    if not isinstance(raw, Mapping):
        whose = "an Alertmanager" if sender == _ALERTMANAGER else f"a {sender.title()}"
        raise AlertError(f"{whose} notification is a JSON object, got {type(raw).__name__}")
    try:
        return Notification.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise AlertError(
            f"this is no {_VERSIONS.get(sender, 'notification')}: {where}: {first['msg'].lower()}"
        ) from error


def _item(raw: object, place: int) -> NotifiedAlert:
    try:
        return NotifiedAlert.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, ("alerts", place, *first["loc"])))
        said = (shortened(text, _LONGEST_NAME) for text in (_name(raw), where))
        told = f"{' cannot be read: '.join(said)}: {first['msg'].lower()}"
        raise AlertError(told.encode("utf-8", "replace").decode()) from error


def _name(raw: object) -> str:
    labels = raw.get("labels") if isinstance(raw, Mapping) else None
    name = labels.get("alertname") if isinstance(labels, Mapping) else None
    return f"alert “{to_a_blank(name, _LONGEST_NAME)}”" if isinstance(name, str) else "an alert"


def _alert(item: NotifiedAlert, notification: Notification, sender: str, room: Room) -> Alert:
    raw: dict[str, Any] = {
        "labels": {**notification.commonLabels, **item.labels},
        "annotations": {**notification.commonAnnotations, **item.annotations},
        "startsAt": item.startsAt,
    }
    alert = parse_fields(raw, source=sender, room=room)
    if not alert.fired_at >= 0:
        raise AlertError(
            f"alert “{_short(alert.name)}” began before 1970 ({shortened(item.startsAt, 40)!r}): give its startsAt"
        )
    return alert


def _fingerprint(item: NotifiedAlert, sender: str) -> str:
    """What tells this alert from others: the sender's fingerprint, else its labels."""
    return fingerprint(item.fingerprint or json.dumps(item.labels, sort_keys=True), sender)


def _place(item: NotifiedAlert, notification: Notification, sender: str) -> Place:
    """With the group that the sender names, where the alert bears its labels."""
    labels = {**notification.commonLabels, **item.labels}
    named = notification.groupLabels
    grouped = isinstance(named, Mapping) and bool(named) and all(labels.get(key) == named[key] for key in named)
    group = fingerprint(json.dumps(named, sort_keys=True), sender) if grouped else ""
    return place_of(labels, group)


def _end(item: NotifiedAlert) -> float | None:
    try:
        ended_at = parse_time(item.endsAt) if item.endsAt else 0.0
    except AlertError:
        return None
    return ended_at if ended_at > 0 else None


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…"
