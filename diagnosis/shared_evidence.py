"""What a diff and the symptoms share and other changes do not: frames, literals, identifiers, numbers, words."""

import re
from collections.abc import Mapping, Sequence

from diagnosis.delivery import entity_stem
from diagnosis.diff import NetChange
from diagnosis.effects import Effect, EffectKind, dependency_file, inert_file
from diagnosis.failure_text import frames_in
from diagnosis.findings import Support
from diagnosis.scene import Scene
from diagnosis.settings_in_code import Role, SettingChange
from diagnosis.symptoms import Symptom, amount
from diagnosis.telemetry import Change, ChangeKind
from diagnosis.weights import WEIGHTS
from diagnosis.words import compounds, content_words, identifiers


def spread_of(parsed: Mapping[str, NetChange]) -> Mapping[str, float]:
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


def shared_with(
    change: Change, net: NetChange | None, effects: Sequence[Effect], symptoms: Sequence[Symptom], scene: Scene,
    spread: Mapping[str, float], effect: Effect | None,
) -> tuple[float, list[Support]]:  # fmt: skip
    """What the diff and the symptoms share and other changes do not: frames, identifiers, numbers, words."""
    observed = bool(effects) and all(e.kind is EffectKind.OBSERVED_ONLY for e in effects)
    if net is None:
        words = content_words(f"{change.id} {change.title}" if change.kind is ChangeKind.FLAG else change.title)
        return _shared_words(words, frozenset(), symptoms, scene, {}, 0.5)
    text = _net_text(net)
    text += _moved_text(net, effect)
    settings = " ".join(e.setting.name for e in effects if e.setting)
    where = " ".join(path for path in change.files if not inert_file(path))
    # Of the code around a flag not every line is switched by it.
    factor = 0.3 if observed else 0.5 if change.kind is ChangeKind.FLAG else 1.0
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
    hits = (
        _frames(change, net, symptoms, scene),
        _numbers(effects, symptoms, scene),
        _literals(net, symptoms, scene),
        _verbosity(effects, symptoms, scene),
    )
    for weight, support in hits:
        if support is not None:
            total += weight * factor
            found.append(support)
    return min(total, WEIGHTS["specific_cap"]), found


def _moved_text(net: NetChange, effect: Effect | None) -> str:
    """What changed places is what changed, where the order is the effect."""
    if effect is None or effect.kind not in (EffectKind.LOCK_WIDENED, EffectKind.REORDERED):
        return ""
    lines = net.moved if effect.kind is EffectKind.LOCK_WIDENED else net.reordered
    held = [line.held for line in net.entered] if effect.kind is EffectKind.LOCK_WIDENED else []
    return "\n" + "\n".join([*(line.text for line in lines), *held])


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
        near = symptom.strength * scene.nearness(symptom.entity)
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
    return total, [Support(weight=total, reason=reason, finding_id=scene.finding_id(symptom))]


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
            best = (weight, Support(weight=weight, reason=reason, finding_id=scene.finding_id(symptom)))
    return best


_VERBOSE = ("trace", "debug", "verbose", "all", "info", "warn", "warning", "error", "fatal", "off")


def _verbosity(effects: Sequence[Effect], symptoms: Sequence[Symptom], scene: Scene) -> tuple[float, Support | None]:
    """A log level that was opened, and logs or their disk that grew."""
    grown = next((s for s in symptoms if s.has("log_volume+", "disk+", "text:disk_full")), None)
    for effect in effects:
        setting = effect.setting
        if setting is None or setting.role is not Role.LOG_LEVEL or grown is None:
            continue
        levels = [text.strip("\"'").lower() for text in (setting.old_text, setting.new_text)]
        if all(level in _VERBOSE for level in levels) and _VERBOSE.index(levels[1]) < _VERBOSE.index(levels[0]):
            weight = WEIGHTS["verbosity"] * scene.nearness(grown.entity)
            reason = f"it opens the log level from {levels[0]} to {levels[1]}, and {grown.sentence}"
            return weight, Support(weight=weight, reason=reason, finding_id=scene.finding_id(grown))
    return 0.0, None


_LITERAL = re.compile(r"[\"'`]([^\"'`\s]{5,120})[\"'`]|(?<=[\s=:])([\w.-]+(?:[/.:]+[\w*{}.-]+)+)")


def _literals(net: NetChange, symptoms: Sequence[Symptom], scene: Scene) -> tuple[float, Support | None]:
    """A path, host, topic or key that stands in a changed (or moved) line and, to the letter, in a failing text.

    Or the route of a call that is made more often than before.
    """
    lines = [*net.removed, *net.added, *net.reordered, *(p.old for p in net.pairs), *(p.new for p in net.pairs)]
    found = {a or b for line in lines if not inert_file(line.file) for a, b in _LITERAL.findall(line.text)}
    whole = {text.rstrip("*/").lower() for text in found}
    # Of a long path the last two parts are its name; what comes before says where it is kept.
    texts = whole | {"/".join(text.split("/")[-2:]) for text in whole if text.count("/") >= 3}
    best: tuple[float, Support | None] = (0.0, None)
    for symptom in symptoms:
        text = symptom.text.lower()
        hits: list[str] = []
        if symptom.bad and any(signal.startswith("text:") for signal in symptom.signals):
            hits = sorted(t for t in texts if len(t) >= 6 and re.search(r"[./:_-]", t.strip("/")) and t in text)
        elif symptom.has("fanout+"):
            hits = sorted(t for t in texts if len(t) >= 5 and t.startswith("/") and text.endswith(t))
        weight = WEIGHTS["literal"] * (0.5 + 0.5 * symptom.strength) * scene.nearness(symptom.entity) * bool(hits)
        if weight > best[0]:
            reason = f"{hits[-1]} stands in its changed lines and in what {symptom.entity} says"
            best = (weight, Support(weight=weight, reason=reason, finding_id=scene.finding_id(symptom)))
    return best


def _numbers(effects: Sequence[Effect], symptoms: Sequence[Symptom], scene: Scene) -> tuple[float, Support | None]:
    """A setting's new value is the level that a gauge moved to, or a constant in the failing lines."""
    best: tuple[float, Support | None] = (0.0, None)
    for effect in effects:
        setting = effect.setting
        if setting is None or setting.new is None:
            continue
        for symptom in symptoms:
            if not symptom.bad:
                continue  # a limit that was raised shows that the change took effect, not that it did harm
            weight, what = _number_match(setting, symptom)
            weight *= scene.nearness(symptom.entity)
            if weight > best[0]:
                name = setting.name or "its new value"
                reason = (
                    f"{name} is now {setting.new_text}, and {symptom.entity} shows {what} in {symptom.subject[:80]}"
                )
                best = (weight, Support(weight=weight, reason=reason, finding_id=scene.finding_id(symptom)))
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
