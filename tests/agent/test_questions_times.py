"""Times in words, by the clock of a zone that is stated."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from agent.questions.spoken_times import LONGEST_SECONDS, Clock, spoken_times

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 13, 37, 18, tzinfo=BERLIN).timestamp()
IT = datetime(2026, 11, 24, 13, 36, 4, tzinfo=BERLIN).timestamp()
CLOCK = Clock(NOW, BERLIN, it=IT, until=NOW)


def told(text: str, clock: Clock = CLOCK) -> tuple[str, str]:
    spoken = spoken_times(text, clock)
    assert not spoken.problem, spoken.problem

    def shown(at: float | None) -> str:
        return "" if at is None else f"{datetime.fromtimestamp(at, BERLIN):%d %H:%M}"

    return shown(spoken.start), shown(spoken.end)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("why slow since 13:20", "24 13:20", ""),
        ("errors since 14:00", "23 14:00", ""),  # 14:00 is not yet: the one of yesterday
        ("since 9", "24 09:00", ""),
        ("since 9am", "24 09:00", ""),
        ("since 1:15 pm", "24 13:15", ""),
        ("since noon", "24 12:00", ""),
        ("since midnight", "24 00:00", ""),
        ("after 12:00 utc", "24 13:00", ""),
        ("since 2026-11-24t12:00:00z", "24 13:00", ""),
        ("since 2026-11-24t07:00:00-05:00", "24 13:00", ""),
        ("since 2026-11-24 07:00-05:00", "24 13:00", ""),
        ("since 2026-11-23 10:00", "23 10:00", ""),
        ("since yesterday", "23 00:00", ""),
        ("since monday", "23 00:00", ""),
        ("yesterday", "23 00:00", "24 00:00"),
        ("today", "24 00:00", "24 13:37"),
        ("yesterday 9am", "23 08:50", "23 09:10"),
        ("yesterday at 21:30", "23 21:20", "23 21:40"),
        ("at 13:00", "24 12:50", "24 13:10"),
        ("last night", "23 20:00", "24 06:00"),
        ("in the last 20 minutes", "24 13:17", "24 13:37"),
        ("last hour", "24 12:37", "24 13:37"),
        ("over the past two hours", "24 11:37", "24 13:37"),
        ("in the last half an hour", "24 13:07", "24 13:37"),
        ("last 90s", "24 13:35", "24 13:37"),
        ("10 minutes ago", "24 13:17", "24 13:37"),
        ("between 13:00 and 13:30", "24 13:00", "24 13:30"),
        ("from 13:00 to now", "24 13:00", "24 13:37"),
        ("13:00-13:30", "24 13:00", "24 13:30"),
        ("before 13:00", "", "24 13:00"),
        ("before it", "", "24 13:36"),
        ("before the alert", "", "24 13:36"),
        ("10 minutes before it", "24 13:26", "24 13:36"),
        ("since it began", "24 13:36", ""),
        ("during the incident", "24 13:36", "24 13:37"),
        ("right now", "24 13:22", "24 13:37"),
        ("p99 of the version 1.4", "", ""),
        ("05:00 yesterday", "23 04:50", "23 05:10"),
        ("at 05:00 pm yesterday", "23 16:50", "23 17:10"),
        ("at 14:00 sunday", "22 13:50", "22 14:10"),
        ("at 14:00 on sunday", "22 13:50", "22 14:10"),
        ("5am monday", "23 04:50", "23 05:10"),
        ("noon yesterday", "23 11:50", "23 12:10"),
        ("last sunday", "22 00:00", "23 00:00"),
        ("since 05:00 yesterday", "23 05:00", ""),
        ("from 13:00 to 14:00 sunday", "22 13:00", "22 14:00"),
        ("13:00-14:00 sunday", "22 13:00", "22 14:00"),
        ("yesterday between 09:00 and 10:00", "23 09:00", "23 10:00"),
        ("sunday, from 9am to noon", "22 09:00", "22 12:00"),
        ("yesterday 09:00-10:00", "23 09:00", "23 10:00"),
        ("from yesterday 09:00 to 10:00", "23 09:00", "23 10:00"),
        ("from yesterday 23:00 to 01:00", "23 23:00", "24 01:00"),
        ("yesterday 23:00-24:00", "23 23:00", "24 00:00"),
        ("from 23:50 to 00:10 yesterday", "22 23:50", "23 00:10"),
        ("from yesterday to now", "23 00:00", "24 13:37"),
        ("from sunday 10:00 to yesterday 11:00", "22 10:00", "23 11:00"),
        ("between 23:50 and 00:10", "23 23:50", "24 00:10"),
        ("until 24:00", "", "24 13:37"),  # the end of this day is not yet: what there is of it
        ("until yesterday 24:00", "", "24 00:00"),
        ("until 24:00 sunday", "", "23 00:00"),
        ("between 23:00 and 24:00", "23 23:00", "24 00:00"),
        ("from 13:00 to 24:00", "24 13:00", "24 13:37"),
        ("between 22:00 utc and 24:00 utc", "23 23:00", "24 01:00"),
        ("since 24:00", "24 00:00", ""),
    ],
)  # fmt: skip
def test_a_time_in_words(text: str, start: str, end: str):
    assert told(text) == (start, end)


def test_what_is_longer_than_a_week_is_cut_and_said():
    spoken = spoken_times("in the last 30 years", CLOCK)
    assert spoken.start is not None
    assert (spoken.end, NOW - spoken.start) == (NOW, LONGEST_SECONDS)
    assert "7 days" in spoken.note


def test_a_clock_time_is_of_an_old_incidents_day():
    week_later = Clock(NOW + 7 * 86_400, BERLIN, it=IT, until=NOW)
    assert told("since 13:20", week_later) == ("24 13:20", "")


def test_24_00_ends_the_day_of_an_old_incident():
    week_later = Clock(NOW + 7 * 86_400, BERLIN, it=IT, until=NOW)
    assert told("until 24:00", week_later) == ("", "25 00:00")


@pytest.mark.parametrize(
    "text",
    ["3000 years ago", "before 99999 years ago", "in the last 3000 years", f"{'9' * 400} years ago", "99999 years before it",
     "since 0001-01-01", "until 1969-12-31", "until 9999-12-31t23:59:59-14:00", "between 1960-01-01 and 2026-11-24",
     "from 3000 years ago to 24:00"],
)  # fmt: skip
def test_a_time_that_no_telemetry_is_of_is_told(text: str):
    assert "between the years 1970 and 9999" in spoken_times(text, CLOCK).problem


def test_a_window_is_told_with_its_zone():
    assert CLOCK.told(IT, NOW) == "2026-11-24 13:36:04 to 13:37:18 CET"


def test_the_hour_that_a_summer_ends_with_is_no_error():
    clock = Clock(datetime(2026, 10, 25, 12, tzinfo=BERLIN).timestamp(), BERLIN)
    assert spoken_times("between 01:30 and 03:30", clock).problem == ""


@pytest.mark.parametrize("text", ["since 25:00", "at 9:75", "since 13pm", "since 0am", "since 2026-13-45"])
def test_no_time_is_told(text: str):
    assert "is no time" in spoken_times(text, CLOCK).problem
