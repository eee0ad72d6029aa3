"""Times in words: "since 14:00", "in the last 20 minutes", "before it", "yesterday 9am". A clock is that of one zone.

Whatever is not understood is a problem that is told, never a guess.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

LONGEST_SECONDS = 7 * 86_400.0
_AROUND_SECONDS = 600.0
_NOW_SECONDS = 900.0
_OLD_SECONDS = 12 * 3600.0  # an incident that ended longer ago is what clock times are about
_FIRST, _LAST = 0.0, datetime(9999, 12, 30, tzinfo=UTC).timestamp()  # what every zone can show

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0, "mo": 2_592_000.0, "y": 31_536_000.0}
_NUMBERS = {
    "": 1.0, "a": 1.0, "an": 1.0, "one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "six": 6.0, "ten": 10.0,
    "fifteen": 15.0, "twenty": 20.0, "thirty": 30.0, "half": 0.5, "half a": 0.5, "half an": 0.5, "couple of": 2.0,
    "a couple of": 2.0, "few": 3.0, "a few": 3.0,
}  # fmt: skip
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_UNIT = r"(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?|months?|years?)\b"
_AMOUNT = r"(?:\d+(?:\.\d+)?|" + "|".join(sorted((n for n in _NUMBERS if n), key=len, reverse=True)) + ")"
_CLOCK = r"(?:\d{1,2}:\d{2}(?::\d{2})?(?:\s?[ap]m\b)?|\d{1,2}\s?(?:am|pm)\b|\d{1,2}\s?o'clock|noon\b|midnight\b)(?:\s?(?:utc|gmt|z)\b)?"  # fmt: skip
_DAY = rf"(?:yesterday|today|tonight|(?:last\s|on\s)?(?:{'|'.join(_DAYS)}))"
_AHEAD = rf"(?:(?P<day>{_DAY}),?\s+)?"
_ISO = r"\d{4}-\d{2}-\d{2}(?:[t ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s?(?:z|utc|gmt|[+-]\d{2}:?\d{2})?)?"
_MOMENT = rf"(?:{_ISO}|{_DAY}(?:,?\s+(?:at\s+)?{_CLOCK})?|{_CLOCK}(?:\s+{_DAY})?|{_AMOUNT}\s?{_UNIT}\s+ago|now\b)"
_IT = (
    r"(?:(?:it|that|this|then)(?:\s+(?:began|started|happened|broke|failed))?|(?:the|this|that)\s+"
    r"(?:incident|alert|outage|onset|problem|symptoms?|trouble|issue|failure))\b"
)
_LEFT = re.compile(r"\b(since|until|till|before|after|between)\s+(?!in\b|at\b|on\b|for\b|with\b|here\b|or\b)(\S+(?:\s\S+)?)")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Clock:
    """What times are counted from, in epoch seconds. ``now`` is where the telemetry ends; ``zone`` None is the system's.

    ``it`` is when the open investigation's trouble began, ``until`` the end of what it looked at.
    """

    now: float
    zone: tzinfo | None = None
    it: float | None = None
    until: float | None = None

    @property
    def anchor(self) -> float:
        """The end of what is talked about: an old incident's, else now."""
        return self.until if self.until is not None and self.now - self.until > _OLD_SECONDS else self.now

    def local(self, seconds: float) -> datetime:
        """The local time of an epoch time."""
        return datetime.fromtimestamp(seconds, UTC).astimezone(self.zone)

    def epoch(self, day: date, hour: int = 0, minute: int = 0, second: int = 0) -> float:
        """The epoch time of a local time."""
        naive = datetime(day.year, day.month, day.day, hour, minute, second)
        return (naive.replace(tzinfo=self.zone) if self.zone else naive.astimezone()).timestamp()

    def told(self, start: float, end: float) -> str:
        """A window for people, with its zone."""
        first, last = self.local(start), self.local(end)
        same = first.date() == last.date()
        return f"{first:%Y-%m-%d %H:%M:%S} to {last:{'%H:%M:%S' if same else '%Y-%m-%d %H:%M:%S'}} {last.tzname() or ''}".strip()


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text without its times, and the times: ``start`` and ``end`` as far as they were said."""

    rest: str
    start: float | None = None
    end: float | None = None
    problem: str = ""
    note: str = ""


class _NoTimeError(ValueError):
    """Not a time; the message is for the person."""


def spoken_times(text: str, clock: Clock) -> Spoken:
    """Read (and take out) the first window that a text in lower case names."""
    for pattern, read in _READERS:
        match = re.search(pattern, text)
        if match is None:
            continue
        rest = " ".join(f"{text[: match.start()]} {text[match.end() :]}".split())
        try:
            start, end = read(match, clock)
        except _NoTimeError as problem:
            return Spoken(rest, problem=str(problem))
        return _bounded(rest, start, end, clock)
    left = _LEFT.search(text)
    if left is not None:
        return Spoken(
            text, problem=f"I do not understand the time “{left[0]}”. Say it like: since 14:00, in the last 20 minutes, before it."
        )  # fmt: skip
    return Spoken(text)


def _bounded(rest: str, start: float | None, end: float | None, clock: Clock) -> Spoken:
    if not all(_FIRST <= at <= _LAST for at in (start, end) if at is not None):
        return Spoken(rest, problem="There is no telemetry of that time: name one between the years 1970 and 9999.")
    if start is not None and start >= clock.now:
        return Spoken(rest, problem=f"That lies after the end of the telemetry, {_shown(clock, clock.now)}.")
    if start is not None and end is not None and end <= start:
        return Spoken(rest, problem="That window ends before it begins.")
    note = ""
    last = end if end is not None else clock.anchor
    if start is not None and last - start > LONGEST_SECONDS:
        start, note = last - LONGEST_SECONDS, "At most 7 days are looked at, so these are the last 7 days of it."
    return Spoken(rest, start, end, note=note)


def _last(match: re.Match[str], clock: Clock) -> tuple[float | None, float | None]:
    return clock.now - _seconds(match[1] or "", match[2]), clock.now


def _so_long_before_it(match: re.Match[str], clock: Clock) -> tuple[float | None, float | None]:
    it = _it(clock, "Before")
    return it - _seconds(match[1], match[2]), it


def _about_it(match: re.Match[str], clock: Clock) -> tuple[float | None, float | None]:
    it = _it(clock, match[1].capitalize())
    match match[1]:
        case "before" | "until" | "till":
            return None, it
        case "during":
            return it, clock.until
        case "around":
            return it - _AROUND_SECONDS, it + _AROUND_SECONDS
        case _:
            return it, None


def _between(match: re.Match[str], clock: Clock) -> tuple[float | None, float | None]:
    said = (match["first"].strip(), match["last"].strip())
    ahead = re.search(rf"\b{_DAY}", f"{match['day'] or ''} {said[0]}")
    day = ahead or re.search(rf"\b{_DAY}", said[1])
    # "from 13:00 to 14:00 monday", "yesterday 13:00-14:00": a day that is named once is that of both.
    first, last = (f"{at} {day[0]}" if day and re.fullmatch(_CLOCK, at) else at for at in said)
    start = _moment(first, clock)
    end = _end(last, clock, start)
    # "from 23:50 to 00:10": over midnight, away from the day that was named. Half a day and more is a mistake.
    if start - end > 43_200.0 and ":" in first:
        return (start, end + 86_400.0) if ahead and last != said[1] else (start - 86_400.0, end)
    return start, end


def _since(match: re.Match[str], clock: Clock) -> tuple[float | None, float | None]:
    said = match[1]
    return _moment(f"{said}:00" if said.isdigit() else said, clock), None


def _before(match: re.Match[str], clock: Clock) -> tuple[float | None, float | None]:
    return None, _end(match[1].strip(), clock, clock.anchor)


def _around(match: re.Match[str], clock: Clock) -> tuple[float | None, float | None]:
    said = match[1].strip()
    if re.fullmatch(_DAY, said):
        day = _day(said, clock)
        return clock.epoch(day), min(clock.epoch(day + timedelta(days=1)), clock.now)
    if said == "now":
        return clock.now - _NOW_SECONDS, clock.now
    at = _moment(said, clock)
    return at - _AROUND_SECONDS, min(at + _AROUND_SECONDS, max(clock.now, at))


def _part_of_day(match: re.Match[str], clock: Clock) -> tuple[float | None, float | None]:
    today = clock.local(clock.now).date()
    if match[0] == "last night":
        return clock.epoch(today - timedelta(days=1), 20), min(clock.epoch(today, 6), clock.now)
    return clock.epoch(today, 6), min(clock.epoch(today, 12), clock.now)


def _just_now(_: re.Match[str], clock: Clock) -> tuple[float | None, float | None]:
    return clock.now - _NOW_SECONDS, clock.now


_READERS = (
    (rf"\b(?:(?:in|over|within|during|for|of|from)\s+)?(?:the\s+)?(?:last|past|previous)\s+(?:({_AMOUNT})\s?)?({_UNIT})", _last),
    (rf"\b({_AMOUNT})\s?({_UNIT})\s+before\s+{_IT}", _so_long_before_it),
    (rf"\b(?:just\s+)?(before|after|since|during|until|till|around)\s+{_IT}", _about_it),
    (rf"\b{_AHEAD}(?:between|from)\s+(?P<first>{_MOMENT})\s*(?:and|to|until|till|-|\u2013)\s*(?P<last>{_MOMENT})", _between),
    (rf"\b{_AHEAD}(?<!:)(?<!\d-\d\d )(?P<first>{_CLOCK})\s*(?:-|\u2013|to)\s*(?P<last>{_CLOCK}(?:\s+{_DAY})?)", _between),
    (rf"\b(?:since|after|starting|from)\s+(?:about\s+|around\s+)?({_MOMENT}|\d{{1,2}}\b(?!\s?{_UNIT}|[.\d-]))", _since),
    (rf"\b(?:before|until|till|up\s+to)\s+({_MOMENT})", _before),
    (r"\b(?:last night|this morning)\b", _part_of_day),
    (rf"(?:\b(?:at|around|about|near|circa|on)\s+)?\b({_MOMENT})", _around),
    (r"\b(?:right now|currently|at the moment)\b", _just_now),
)  # fmt: skip


def _it(clock: Clock, word: str) -> float:
    if clock.it is None:
        raise _NoTimeError(f"{word} what? No investigation is open, so name a time, such as: since 14:00.")
    return clock.it


def _seconds(amount: str, unit: str) -> float:
    number = _NUMBERS.get(amount)
    seconds = (float(amount) if number is None else number) * _UNITS["mo" if unit.startswith("mo") else unit[0]]
    if seconds <= 0:
        raise _NoTimeError(f"“{amount} {unit}” is no length of time.")
    return seconds


def _moment(text: str, clock: Clock) -> float:
    """Epoch seconds of one moment in words."""
    text = text.strip()
    if text == "now":
        return clock.now
    ago = re.fullmatch(rf"({_AMOUNT})\s?({_UNIT})\s+ago", text)
    if ago:
        return clock.now - _seconds(ago[1], ago[2])
    if re.fullmatch(_ISO, text):
        return _iso(text, clock)
    clocks = re.search(_CLOCK, text)
    named = re.search(rf"\b{_DAY}", text)
    hour, minute, second = _time_of_day(clocks[0]) if clocks else (0, 0, 0)
    clock = _zoned(clocks[0] if clocks else "", clock)
    day = _day(named[0], clock) if named else clock.local(clock.anchor).date()
    day += timedelta(days=hour // 24)  # 24:00 is where a day ends
    at = clock.epoch(day, hour % 24, minute, second)
    return at if named or at <= clock.anchor else clock.epoch(day - timedelta(days=1), hour % 24, minute, second)


def _end(text: str, clock: Clock, after: float) -> float:
    """As ``_moment``, but 24:00 without a day is the end of the day of ``after``, or now where that is not yet."""
    if not re.fullmatch(r"24:00(?::00)?(?:\s?(?:utc|gmt|z))?", text):
        return _moment(text, clock)
    zoned = _zoned(text, clock)
    day = zoned.local(min(max(after, _FIRST), _LAST)).date()
    return min(zoned.epoch(day + timedelta(days=1)), clock.now)


def _zoned(text: str, clock: Clock) -> Clock:
    """The clock that a time of day is of: that of the zone it names."""
    return Clock(clock.now, UTC, clock.it, clock.until) if re.search(r"(?:utc|gmt|z)$", text.strip()) else clock


def _iso(text: str, clock: Clock) -> float:
    told = re.sub(r"\s?(?:z|utc|gmt)$", "+00:00", text)
    try:
        moment = datetime.fromisoformat(told)
        return moment.timestamp() if moment.tzinfo else clock.epoch(moment.date(), moment.hour, moment.minute, moment.second)  # fmt: skip
    except (ValueError, OverflowError) as error:
        raise _NoTimeError(f"“{text}” is no time; write it like 2026-11-24T14:00:00Z.") from error


def _time_of_day(text: str) -> tuple[int, int, int]:
    """Hour, minute and second; the hour is 24 where a day ends."""
    if text.startswith(("noon", "midnight")):
        return (12 if text.startswith("noon") else 0), 0, 0
    hour, minute, second = (int(part) for part in (*re.findall(r"\d+", text), "0", "0")[:3])
    half = re.search(r"am|pm", text)
    if hour > (12 if half else 24) or minute > 59 or second > 59 or (half and hour == 0) or (hour == 24 and minute):
        raise _NoTimeError(f"“{text.strip()}” is no time of day.")
    if half:
        hour = hour % 12 + (12 if half[0] == "pm" else 0)
    return hour, minute, second


def _day(text: str, clock: Clock) -> date:
    today = clock.local(clock.now).date()
    if text in ("today", "tonight"):
        return today
    if text == "yesterday":
        return today - timedelta(days=1)
    return today - timedelta(days=((today.weekday() - _DAYS.index(text.rsplit(maxsplit=1)[-1]) - 1) % 7) + 1)


def _shown(clock: Clock, at: float) -> str:
    local = clock.local(at)
    return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname() or ''}".strip()
