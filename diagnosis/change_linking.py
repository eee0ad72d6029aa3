"""Does this change explain these symptoms? Delivery, reach, direction, and what the two have in common.

A link needs two things: an effect that is able to cause a symptom that was seen (``expectations``), and something
specific that the diff and the symptom share (a stack frame, a rare identifier, a number). Either alone is
coincidence; nearness in time alone is what most innocent deploys have.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diagnosis.channels.conservation import is_client_side
from diagnosis.delivery import Delivery, deliveries
from diagnosis.diff import NetChange, parse_diff
from diagnosis.effects import Effect, EffectKind, effects_of, inert_file
from diagnosis.expectations import SLOW_EFFECTS, SLOW_ROLES, expected_signals, wrong_direction
from diagnosis.failure_text import Failure
from diagnosis.findings import Support
from diagnosis.scene import Scene
from diagnosis.settings_in_code import Role
from diagnosis.shared_evidence import shared_with, spread_of
from diagnosis.stand_in_diffs import with_flagged_code, with_values
from diagnosis.symptoms import Symptom, amount
from diagnosis.telemetry import Change, ChangeKind
from diagnosis.weights import WEIGHTS

_SAID_CLEARLY = 0.3  # strength of a failing text that names its reason
_PROVEN_SECONDS = 86_400.0  # that a large commit has run in production


@dataclass(frozen=True, slots=True)
class Link:
    """The case for or against one change. ``score`` is in nats; ``excluded`` says why it cannot be the cause."""

    change: Change
    score: float
    supports: tuple[Support, ...]
    effect: Effect | None = None
    symptom: Symptom | None = None
    delivery: Delivery | None = None
    excluded: str = ""
    fit: float = 0.0
    specific: float = 0.0


def link_changes(scene: Scene) -> list[Link]:
    """Judge every commit, flag and configuration change; best first, excluded ones last."""
    candidates = [
        with_values(with_flagged_code(change, scene.changes))
        for change in scene.changes
        if change.kind is not ChangeKind.DEPLOY
    ]
    parsed = {c.id: parse_diff(c.diff, c.files) for c in candidates if c.diff}
    spread = spread_of(parsed)
    links = [_link(change, parsed.get(change.id), scene, spread) for change in candidates]
    return sorted(links, key=lambda link: (bool(link.excluded), -link.score, link.change.id))


def _link(change: Change, net: NetChange | None, scene: Scene, spread: Mapping[str, float]) -> Link:
    if change.kind is ChangeKind.COMMIT and change.files and all(inert_file(path) for path in change.files):
        return Link(change, -math.inf, (), excluded="touches nothing that runs in production")
    later_value = _replaced_by(change, scene)
    if later_value is not None:
        return Link(change, -math.inf, (), excluded=f"was replaced by {later_value} before the onset")
    ways = deliveries(change, scene.changes, scene.entities, scene.latest)
    if not ways:
        late = change.time > scene.latest
        why = "was made after the onset" if late else "was not delivered before the onset by any known deploy"
        later = deliveries(change, scene.changes, scene.entities, math.inf)
        if later and not late:
            why = "was deployed after the onset"
        return Link(change, -math.inf, (), excluded=why)
    if _sprawl(net) is None:  # a whole tree waits for every flag that it names: there the flag itself is the change
        ways += _gated(change, ways, scene)
    options = [_judge(change, net, way, scene, spread) for way in ways]
    return max(options, key=lambda link: (not link.excluded, link.score))


def _replaced_by(change: Change, scene: Scene) -> str | None:
    """The value that took the place of a setting's before anything went wrong."""
    if change.kind is not ChangeKind.CONFIG or not change.after:
        return None
    return next(
        (
            other.after
            for other in scene.changes
            if other.kind is change.kind and other.entity == change.entity and other.before == change.after
            and change.time < other.time <= scene.onset
        ),
        None,
    )  # fmt: skip


def _gated(change: Change, ways: Sequence[Delivery], scene: Scene) -> list[Delivery]:
    """Code behind a flag takes effect when the flag is flipped, however long before it was deployed."""
    flips = [c for c in scene.changes if c.kind is ChangeKind.FLAG and c.time <= scene.latest and change.diff]
    return [
        Delivery(flag.time, flag.entity or way.entity, "gated", flag.id)
        for flag in flips
        for way in ways
        if flag.id and flag.id in (change.diff or "") and flag.time >= way.time
    ]


def _judge(change: Change, net: NetChange | None, way: Delivery, scene: Scene, spread: Mapping[str, float]) -> Link:
    effects = effects_of(net, change.files) if net else ()
    in_sight = [
        s for s in scene.symptoms if s.onset is None or s.onset >= way.time - WEIGHTS["clock_tolerance_seconds"]
    ]
    if not in_sight:
        return Link(change, -math.inf, (), delivery=way, excluded="every symptom is older than it")
    if _sprawl(net) is not None and scene.onset - way.time > _PROVEN_SECONDS and way.how != "gated":
        return Link(change, -math.inf, (), delivery=way, excluded="so much code would have shown its fault days ago")
    fit, effect, symptom = _fit(effects, in_sight, scene)
    place = _acts_on(way, effect, symptom, scene)
    reach, reach_reason = _reach(place, scene)
    specific, shared = shared_with(change, net, effects, in_sight, scene, spread, effect)
    if net is None:
        fit, specific = (0.0, min(specific, WEIGHTS["no_diff_cap"]))
    against = _contradiction(effects, in_sight, scene)
    if symptom is not None and symptom.entity == place != scene.entity:
        reach, reach_reason = reach + WEIGHTS["shows_there"], f"{reach_reason}, and it shows at {place} itself"
    timing, timing_reason = _timing(way, symptom, effect, scene)
    supports = [Support(weight=reach, reason=reach_reason), Support(weight=timing, reason=timing_reason)]
    if effect is not None and symptom is not None and fit > 0:
        supports.append(
            Support(
                weight=fit,
                reason=f"{_effect_text(effect)} can cause this: {symptom.sentence}",
                finding_id=scene.finding_id(symptom),
            )
        )
    supports += shared
    if against:
        supports.append(against)
    sprawl = _sprawl(net)
    if sprawl is not None:
        supports.append(sprawl)
    if way.how not in {"deployed", "flipped"}:
        supports.append(Support(weight=WEIGHTS[way.how], reason=_how(way)))
    # Coincidence is cheap: without an effect that fits, what is shared counts little, and the other way round.
    ceiling = WEIGHTS["lone_specific"] if fit < 1.0 else math.inf
    textbook = (
        effect is not None
        and symptom is not None
        and timing >= WEIGHTS["textbook_timing"]
        and _is_textbook(effect, symptom)
    )
    lone = WEIGHTS["lone_textbook" if textbook else "lone_fit"] if specific < WEIGHTS["specific_floor"] else math.inf
    score = min(fit, lone) + min(specific, ceiling) + reach + timing
    score += sum(doubt.weight for doubt in (against, sprawl) if doubt) + WEIGHTS.get(way.how, 0.0)
    return Link(change, score, tuple(supports), effect, symptom, way, "", fit, specific)


def _how(way: Delivery) -> str:
    if way.how == "gated":
        return f"its code waits for the flag {way.by}, which was flipped then"
    if way.how == "carried":
        return f"it has no deploy of its own; the next deploy of {way.entity} ({way.by}) carried it"
    return "no deploy of it is known; it may have taken effect when it was merged"


def _effect_text(effect: Effect) -> str:
    setting = effect.setting
    if setting is not None:
        verb = {-1: "lowers", 1: "raises", 0: "changes"}[setting.direction]
        return f"it {verb} {setting.name or 'a value'} from {setting.old_text} to {setting.new_text}, which"
    return f"its effect ({effect.kind.value.replace('_', ' ')}: “{effect.quote.splitlines()[-1][:100]}”)"


_MIGRATIONS = frozenset((EffectKind.TABLE_LOCKED, EffectKind.SCHEMA_CHANGED, EffectKind.INDEX_DROPPED))


def _acts_on(way: Delivery, effect: Effect | None, symptom: Symptom | None, scene: Scene) -> str:
    """Where the change acts: a migration in the database that shows it, whoever ran the migration."""
    known = scene.topology.node(way.entity) is not None
    if effect is not None and symptom is not None and effect.kind in _MIGRATIONS and not known:
        return symptom.entity
    return way.entity


def _reach(entity: str, scene: Scene) -> tuple[float, str]:
    """How a fault in ``entity`` could show at the failing one: itself, something it calls, something that calls it."""
    target = scene.entity
    if entity == target:
        return WEIGHTS["reach_same"], f"it went to {target}, which fails first"
    if not entity:
        return WEIGHTS["reach_unknown"], "where it took effect is not known"
    if entity in scene.topology.reach(target):
        return WEIGHTS["reach_callee"], f"it went to {entity}, which {target} depends on"
    if target in scene.topology.reach(entity):
        return WEIGHTS["reach_caller"], f"it went to {entity}, which calls {target}"
    if not scene.topology.node(entity) or not scene.topology.edges:
        return WEIGHTS["reach_unknown"], f"it went to {entity}; no call between it and {target} is known"
    return WEIGHTS["reach_none"], f"it went to {entity}, which {target} does not depend on"


def _fit(
    effects: Sequence[Effect], symptoms: Sequence[Symptom], scene: Scene
) -> tuple[float, Effect | None, Symptom | None]:
    """The effect that explains most, and the symptom that it explains best.

    Further signals that the same effect explains corroborate it, each at a fifth of its weight. Where the failing
    texts name what ran out, only an effect that can make it run out is credited with what fails there.
    """
    reasons = _reasons(symptoms)
    best: tuple[float, Effect | None, Symptom | None] = (0.0, None, None)
    for effect in effects:
        row = expected_signals(effect)
        by_signal: dict[str, tuple[float, Symptom]] = {}
        for symptom in symptoms:
            for signal in symptom.signals & row.keys():
                value = row[signal] * (0.5 + 0.5 * symptom.strength) * scene.nearness(symptom.entity)
                named = reasons.get(symptom.entity, frozenset())
                if named and signal not in named and not named & row.keys():
                    value *= WEIGHTS["named_reason"]
                if symptom.entity in scene.cut_off and signal in _PASSED_ON:
                    value *= WEIGHTS["others_wait"]
                if signal == "latency+" and is_client_side(symptom.subject):
                    value *= WEIGHTS["others_wait"]
                if value > by_signal.get(signal, (0.0, symptom))[0]:
                    by_signal[signal] = (value, symptom)
        ranked = sorted(by_signal.values(), key=lambda item: -item[0])
        if not ranked:
            continue
        more = sum(value for value, _ in ranked[1:]) * WEIGHTS["corroboration_share"]
        value = ranked[0][0] + min(more, WEIGHTS["corroboration_cap"])
        if value > best[0]:
            best = (value, effect, ranked[0][1])
    return best


_PASSED_ON = frozenset(("latency+", "errors+", "errors-"))  # what a callee that is gone does to its caller
_RAN_OUT = frozenset(
    f"text:{family.value}" for family in (Failure.CERTIFICATE, Failure.DNS, Failure.DISK_FULL, Failure.DESCRIPTORS)
)


def _reasons(symptoms: Sequence[Symptom]) -> dict[str, frozenset[str]]:
    """What failing texts of each entity name as the reason, where it is one that no other failure looks like."""
    found: dict[str, frozenset[str]] = {}
    for symptom in symptoms:
        if symptom.bad and symptom.strength >= _SAID_CLEARLY and symptom.signals & _RAN_OUT:
            found[symptom.entity] = found.get(symptom.entity, frozenset()) | (symptom.signals & _RAN_OUT)
    return found


# Effects that most code changes have: their symptoms are never telling by themselves.
_COMMON_EFFECTS = frozenset(
    (EffectKind.NAME_REPLACED, EffectKind.GUARD_REMOVED, EffectKind.STRICTER, EffectKind.LOGIC_CHANGED,
     EffectKind.WORK_ADDED, EffectKind.QUERY_ADDED, EffectKind.REORDERED)
)  # fmt: skip


def _is_textbook(effect: Effect, symptom: Symptom) -> bool:
    any_value = effect.kind is EffectKind.SETTING_REPLACED and effect.role in (Role.OTHER, Role.SWITCH, Role.VERSION)
    if effect.kind in _COMMON_EFFECTS or any_value:
        return False
    row = expected_signals(effect)
    return max((row.get(signal, 0.0) for signal in symptom.signals), default=0.0) >= WEIGHTS["textbook"]


def _contradiction(effects: Sequence[Effect], symptoms: Sequence[Symptom], scene: Scene) -> Support | None:
    """A change whose settings all give more of what ran out cannot have exhausted it."""
    settings = [effect for effect in effects if effect.setting is not None and effect.setting.direction]
    near = [s for s in symptoms if s.entity == scene.entity] or list(symptoms)
    signals = frozenset(signal for symptom in near for signal in symptom.signals)
    wrong = [effect for effect in settings if wrong_direction(effect, signals)]
    lowered = [effect for effect in settings if effect.kind is EffectKind.SETTING_LOWERED]
    if not wrong or lowered:
        return None
    return Support(weight=WEIGHTS["wrong_direction"], reason=f"{_effect_text(wrong[0])} gives more of what ran out")


def _sprawl(net: NetChange | None) -> Support | None:
    """What is shared by chance grows with what there is to share: a large commit needs a better case."""
    lines = len(net.added) + len(net.removed) + len(net.pairs) if net else 0
    if lines <= WEIGHTS["sprawl_lines"]:
        return None
    weight = WEIGHTS["sprawl"] * math.log(lines / WEIGHTS["sprawl_lines"])
    return Support(weight=weight, reason=f"it changes {lines:,} lines, so some of them match by chance")


def _timing(way: Delivery, symptom: Symptom | None, effect: Effect | None, scene: Scene) -> tuple[float, str]:
    """Weight by the minutes between delivery and the first symptom that the change would explain."""
    start = symptom.onset if symptom is not None and symptom.onset is not None else scene.onset
    minutes = (min(start, scene.onset) - way.time) / 60.0
    slow = effect is not None and (effect.kind in SLOW_EFFECTS or effect.role in SLOW_ROLES)
    limits = ((5, 2.0), (15, 1.6), (30, 1.1), (60, 0.6), (180, 0.2), (1440, -0.5))
    weight = next((value for limit, value in limits if minutes <= limit), -1.5)
    if slow:  # what accumulates may wait for hours; what has run for days has mostly shown what it does
        weight = max(weight, 1.0 if minutes <= 1440 else 0.0)
    if minutes < 0:
        return WEIGHTS["stamped_late"], "it took effect within seconds of the first symptom that it would explain"
    ago = f"{amount(round(minutes))} min" if minutes >= 1.5 else f"{amount(round(minutes * 60))} s"
    return weight, f"it took effect {ago} before the first symptom that it would explain"
