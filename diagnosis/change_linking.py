"""Does this change explain these symptoms? Delivery, reach, direction, and what the two have in common.

A link needs two things: an effect that is able to cause a symptom that was seen (``expectations``), and something
specific that the diff and the symptom share (a stack frame, a rare identifier, a number). Either alone is
coincidence; nearness in time alone is what most innocent deploys have.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from diagnosis.delivery import Delivery, deliveries, entity_stem
from diagnosis.diff import NetChange, parse_diff
from diagnosis.effects import Effect, EffectKind, dependency_file, effects_of, inert_file
from diagnosis.expectations import SLOW_EFFECTS, SLOW_ROLES, expected_signals, wrong_direction
from diagnosis.failure_text import frames_in
from diagnosis.findings import Support
from diagnosis.settings_in_code import SettingChange
from diagnosis.symptoms import Symptom, amount
from diagnosis.telemetry import Change, ChangeKind, Topology
from diagnosis.weights import WEIGHTS
from diagnosis.words import compounds, content_words, identifiers


@dataclass(frozen=True, slots=True)
class Scene:
    """What every change is judged against. ``onset`` is of the alert, ``first_onset`` of the first bad symptom."""

    entity: str
    onset: float
    first_onset: float
    symptoms: Sequence[Symptom]
    topology: Topology
    entities: frozenset[str]
    changes: Sequence[Change]
    finding_ids: Mapping[int, str] = field(default_factory=dict)


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
    candidates = [change for change in scene.changes if change.kind is not ChangeKind.DEPLOY]
    parsed = {c.id: parse_diff(c.diff, c.files) for c in candidates if c.diff}
    spread = _spread(parsed)
    links = [_link(change, parsed.get(change.id), scene, spread) for change in candidates]
    return sorted(links, key=lambda link: (bool(link.excluded), -link.score, link.change.id))


def _link(change: Change, net: NetChange | None, scene: Scene, spread: Mapping[str, float]) -> Link:
    if change.kind is ChangeKind.COMMIT and change.files and all(inert_file(path) for path in change.files):
        return Link(change, -math.inf, (), excluded="touches nothing that runs in production")
    ways = deliveries(change, scene.changes, scene.entities, scene.onset)
    if not ways:
        late = change.time > scene.onset
        why = "was made after the onset" if late else "was not delivered before the onset by any known deploy"
        later = deliveries(change, scene.changes, scene.entities, math.inf)
        if later and not late:
            why = "was deployed after the onset"
        return Link(change, -math.inf, (), excluded=why)
    ways += _gated(change, ways, scene)
    options = [_judge(change, net, way, scene, spread) for way in ways]
    return max(options, key=lambda link: (not link.excluded, link.score))


def _gated(change: Change, ways: Sequence[Delivery], scene: Scene) -> list[Delivery]:
    """Code behind a flag takes effect when the flag is flipped, however long before it was deployed."""
    flips = [c for c in scene.changes if c.kind is ChangeKind.FLAG and c.time <= scene.onset and change.diff]
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
    reach, reach_reason = _reach(way.entity, scene)
    fit, effect, symptom = _fit(effects, in_sight, scene)
    specific, shared = _specific(change, net, effects, in_sight, scene, spread, effect)
    if net is None:
        fit, specific = (0.0, min(specific, WEIGHTS["no_diff_cap"]))
    against = _contradiction(effects, in_sight, scene)
    if symptom is not None and symptom.entity == way.entity != scene.entity:
        reach, reach_reason = reach + WEIGHTS["shows_there"], f"{reach_reason}, and it shows at {way.entity} itself"
    timing, timing_reason = _timing(way, symptom, effect, scene)
    supports = [Support(weight=reach, reason=reach_reason), Support(weight=timing, reason=timing_reason)]
    if effect is not None and symptom is not None and fit > 0:
        supports.append(
            Support(
                weight=fit,
                reason=f"{_effect_text(effect)} can cause this: {symptom.sentence}",
                finding_id=_id(scene, symptom),
            )
        )
    supports += shared
    if against:
        supports.append(against)
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
    score += (against.weight if against else 0.0) + (WEIGHTS.get(way.how, 0.0))
    return Link(change, score, tuple(supports), effect, symptom, way, "", fit, specific)


def _id(scene: Scene, symptom: Symptom) -> str:
    return scene.finding_ids.get(id(symptom), "")


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

    Further signals that the same effect explains corroborate it, each at a fifth of its weight.
    """
    best: tuple[float, Effect | None, Symptom | None] = (0.0, None, None)
    for effect in effects:
        row = expected_signals(effect)
        by_signal: dict[str, tuple[float, Symptom]] = {}
        for symptom in symptoms:
            for signal in symptom.signals & row.keys():
                value = row[signal] * (0.5 + 0.5 * symptom.strength) * _nearness(symptom.entity, scene)
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


def _is_textbook(effect: Effect, symptom: Symptom) -> bool:
    row = expected_signals(effect)
    return max((row.get(signal, 0.0) for signal in symptom.signals), default=0.0) >= WEIGHTS["textbook"]


def _nearness(entity: str, scene: Scene) -> float:
    if entity == scene.entity:
        return 1.0
    if entity in scene.topology.callers(scene.entity) or entity in scene.topology.callees(scene.entity):
        return 0.85
    return 0.6


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


def _timing(way: Delivery, symptom: Symptom | None, effect: Effect | None, scene: Scene) -> tuple[float, str]:
    """Weight by the minutes between delivery and the first symptom that the change would explain."""
    start = symptom.onset if symptom is not None and symptom.onset is not None else scene.onset
    minutes = max(0.0, min(start, scene.onset) - way.time) / 60.0
    slow = effect is not None and (effect.kind in SLOW_EFFECTS or effect.role in SLOW_ROLES)
    limits = ((5, 2.0), (15, 1.6), (30, 1.1), (60, 0.6), (180, 0.2))
    weight = next((value for limit, value in limits if minutes <= limit), -0.5)
    if slow:
        weight = max(weight, 1.0)
    return weight, f"it took effect {amount(minutes)} min before the first symptom that it would explain"


def _spread(parsed: Mapping[str, NetChange]) -> Mapping[str, float]:
    """For each word of the net changes, the share of the other changes that contain it (of a dozen at the least)."""
    documents = [_net_words(net) for net in parsed.values()]
    counts: dict[str, int] = {}
    for document in documents:
        for word in document:
            counts[word] = counts.get(word, 0) + 1
    return {word: (count - 1) / max(len(documents), 12) for word, count in counts.items()}


def _net_text(net: NetChange) -> str:
    """Tokens that one side has more of, from files that run; context and moved lines say nothing."""
    words = {*net.removed_words, *net.added_words}
    lines = [*net.removed, *net.added, *(pair.old for pair in net.pairs), *(pair.new for pair in net.pairs)]
    kept = [t for line in lines if not inert_file(line.file) and not dependency_file(line.file) for t in line.tokens]
    return "\n".join(token for token in kept if token in words)


def _net_words(net: NetChange) -> frozenset[str]:
    text = _net_text(net)
    return content_words(text) | compounds(text)


def _specific(
    change: Change, net: NetChange | None, effects: Sequence[Effect], symptoms: Sequence[Symptom], scene: Scene,
    spread: Mapping[str, float], effect: Effect | None,
) -> tuple[float, list[Support]]:  # fmt: skip
    """What the diff and the symptoms share and other changes do not: frames, identifiers, numbers, words."""
    observed = bool(effects) and all(e.kind is EffectKind.OBSERVED_ONLY for e in effects)
    if net is None:
        words = content_words(f"{change.id} {change.title}" if change.kind is ChangeKind.FLAG else change.title)
        return _shared_words(words, frozenset(), symptoms, scene, {}, 0.5)
    text = _net_text(net)
    settings = " ".join(e.setting.name for e in effects if e.setting)
    where = " ".join(path for path in change.files if not inert_file(path))
    factor = 0.3 if observed else 1.0
    total, found = _shared_words(
        content_words(f"{text} {settings}"), compounds(f"{text} {settings}"), symptoms, scene, spread, factor
    )
    # The full name of a setting is its path and what the comment beside it says; of code, a path is only a topic.
    named = effect is not None and effect.setting is not None
    where += " ".join(net.comments) if named else ""
    place, place_support = _shared_words(
        content_words(where), frozenset(), symptoms, scene, spread, (0.8 if named else 0.35) * factor
    )
    total += min(place, WEIGHTS["setting_place_cap" if named else "place_cap"])
    found += place_support if place > 0.3 and not found else []
    hits = (_frames(change, net, symptoms, scene), _numbers(effects, symptoms, scene), _literals(net, symptoms, scene))
    for weight, support in hits:
        if support is not None:
            total += weight * factor
            found.append(support)
    return min(total, WEIGHTS["specific_cap"]), found


def _shared_words(
    words: frozenset[str], rare: frozenset[str], symptoms: Sequence[Symptom], scene: Scene,
    spread: Mapping[str, float], factor: float,
) -> tuple[float, list[Support]]:  # fmt: skip
    own = frozenset(word for entity in scene.entities for word in entity_stem(entity))
    names = frozenset("_".join(sorted(entity_stem(entity))) for entity in scene.entities) | compounds(
        " ".join(scene.entities)
    )
    best: dict[str, tuple[float, Symptom]] = {}
    for symptom in symptoms:
        near = symptom.strength * _nearness(symptom.entity, scene)
        for word in rare & compounds(symptom.text) - names:
            _keep_best(best, word, WEIGHTS["compound"] * near * _rare(word, spread), symptom)
        for word in words & content_words(symptom.text) - own:
            _keep_best(best, word, WEIGHTS["word"] * near * _rare(word, spread), symptom)
    ranked = sorted(best.items(), key=lambda item: (-item[1][0], item[0]))
    # Words of one compound say the same thing again, so each further one counts half of the one before.
    total = sum(value * 0.6**place for place, (_, (value, _)) in enumerate(ranked)) * factor
    if not ranked or total < 0.2:
        return total, []
    telling = [word for word, _ in ranked[:3]]
    symptom = ranked[0][1][1]
    reason = f"its changed lines share {', '.join(telling)} with {symptom.entity}: {symptom.subject[:100]}"
    return total, [Support(weight=total, reason=reason, finding_id=_id(scene, symptom))]


def _keep_best(best: dict[str, tuple[float, Symptom]], word: str, value: float, symptom: Symptom) -> None:
    if value > best.get(word, (0.0, symptom))[0]:
        best[word] = (value, symptom)


def _rare(word: str, spread: Mapping[str, float]) -> float:
    """1 for a word that only this change has, towards 0 for one that many have."""
    return max(0.0, 1.0 - 2.5 * spread.get(word, 0.0))


def _frames(change: Change, net: NetChange, symptoms: Sequence[Symptom], scene: Scene) -> tuple[float, Support | None]:
    """A stack frame or error text that names a changed file or function."""
    files = {path.rsplit("/", 1)[-1].lower() for path in change.files if not inert_file(path)}
    lines = [*net.removed, *net.added, *(p.old for p in net.pairs), *(p.new for p in net.pairs)]
    functions = {name for line in lines for name in identifiers(line.function)} | set(identifiers(_net_text(net)))
    best: tuple[float, Support | None] = (0.0, None)
    for symptom in symptoms:
        if not symptom.bad:
            continue
        seen_files, seen_functions = frames_in(symptom.text)
        hit_files, hit_functions = files & seen_files, {f for f in functions & seen_functions if len(f) >= 5}
        weight = WEIGHTS["frame_file"] * bool(hit_files) + WEIGHTS["frame_function"] * bool(hit_functions)
        weight *= 0.5 + 0.5 * symptom.strength
        if weight > best[0]:
            names = ", ".join(sorted(hit_files | hit_functions))
            reason = f"the errors of {symptom.entity} point to what it changed: {names}"
            best = (weight, Support(weight=weight, reason=reason, finding_id=_id(scene, symptom)))
    return best


_LITERAL = re.compile(r"[\"'`]([^\"'`\s]{5,120})[\"'`]|(?<=[\s=:])([\w.-]+(?:[/.:][\w*{}.-]+)+)")


def _literals(net: NetChange, symptoms: Sequence[Symptom], scene: Scene) -> tuple[float, Support | None]:
    """A path, host, topic or key that stands in a changed (or moved) line and, to the letter, in a failing text."""
    lines = [*net.removed, *net.added, *net.moved, *(p.old for p in net.pairs), *(p.new for p in net.pairs)]
    found = {a or b for line in lines if not inert_file(line.file) for a, b in _LITERAL.findall(line.text)}
    texts = {text.rstrip("*/").lower() for text in found}
    best: tuple[float, Support | None] = (0.0, None)
    for symptom in symptoms:
        if not symptom.bad or not symptom.has(*(s for s in symptom.signals if s.startswith("text:"))):
            continue
        text = symptom.text.lower()
        hits = sorted(t for t in texts if len(t) >= 6 and re.search(r"[./:_-]", t.strip("/")) and t in text)
        weight = WEIGHTS["literal"] * (0.5 + 0.5 * symptom.strength) * _nearness(symptom.entity, scene) * bool(hits)
        if weight > best[0]:
            reason = f"{hits[-1]} stands in its changed lines and in what {symptom.entity} says"
            best = (weight, Support(weight=weight, reason=reason, finding_id=_id(scene, symptom)))
    return best


def _numbers(effects: Sequence[Effect], symptoms: Sequence[Symptom], scene: Scene) -> tuple[float, Support | None]:
    """A setting's new value is the level that a gauge moved to, or a constant in the failing lines."""
    best: tuple[float, Support | None] = (0.0, None)
    for effect in effects:
        setting = effect.setting
        if setting is None or setting.new is None:
            continue
        for symptom in symptoms:
            weight, what = _number_match(setting, symptom)
            weight *= _nearness(symptom.entity, scene)
            if weight > best[0]:
                name = setting.name or "its new value"
                reason = (
                    f"{name} is now {setting.new_text}, and {symptom.entity} shows {what} in {symptom.subject[:80]}"
                )
                best = (weight, Support(weight=weight, reason=reason, finding_id=_id(scene, symptom)))
    return best


def _number_match(setting: SettingChange, symptom: Symptom) -> tuple[float, str]:
    if setting.new is None:
        return 0.0, ""
    new = [r for r in setting.new.readings if r not in (0.0, 1.0)]
    old = list(setting.old.readings) if setting.old else []
    if symptom.before is not None and symptom.after is not None and symptom.before != symptom.after:
        moved_to = any(_close(symptom.after, r) or _close(symptom.after, r / 100.0) for r in new)
        moved_from = any(_close(symptom.before, r) or _close(symptom.before, r / 100.0) for r in old)
        if moved_to and moved_from:
            return WEIGHTS["number_both"], f"a move from {amount(symptom.before)} to {amount(symptom.after)}"
        if moved_to:
            return WEIGHTS["number_after"], f"a level of {amount(symptom.after)}"
    if any(_close(number, r) for number in symptom.numbers for r in new):
        return WEIGHTS["number_constant"], f"the constant {amount(new[0])}"
    return 0.0, ""


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= 0.02 * max(abs(a), abs(b), 1e-9)
