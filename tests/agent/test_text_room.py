"""A delivery takes up so much room and no more: what is too long is cut with a sign, and never in the middle of a secret."""

import time

import pytest

from agent.alerts import parse_alert
from agent.notification import read_notification
from agent.senders.reading import read_delivery
from agent.senders.settings import SenderName
from agent.text_room import CUT, Room, shortened
from tests.sending import NOON, PROVING

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def summary(text: str) -> str:
    return parse_alert({"name": "Slow", "service": "cart", "summary": text, "fired_at": NOON}).summary


def test_a_long_annotation_is_cut_with_a_sign():
    told = summary("the cart is slow. " * 1_000)
    assert told.startswith("the cart is slow.")
    assert told.endswith(CUT)
    assert len(told) <= 4_000 + len(CUT)


def test_a_text_that_fits_is_left_as_it_is():
    assert summary("the cart is slow") == "the cart is slow"


@pytest.mark.parametrize("between", [" ", "/", ""])
@pytest.mark.parametrize("before", range(3_940, 4_010, 7))
def test_no_secret_is_split_at_the_cut(before: int, between: str):
    text = ("word" + between) * 2_000
    told = summary(text[:before] + f" token={TOKEN} " + text)
    assert not any(TOKEN[:n] in told for n in range(12, len(TOKEN)))


def test_no_secret_is_split_where_no_room_is_left():
    room = Room(characters=0)
    for before in range(40, 110):
        told = room.take("a " * (before // 2) + TOKEN + " and more words" * 20)
        assert TOKEN[:12] not in told or TOKEN in told, "whole, and so known as one"
    assert room.take(TOKEN * 20) == CUT


def test_one_long_run_of_characters_is_looked_at_no_further_than_is_needed():
    assert shortened("ab" * 500_000) == "ab" * 2_000 + CUT


def test_what_all_alerts_share_is_not_read_a_thousand_times():
    begun = time.process_time()
    told = read_notification(
        {
            "commonAnnotations": {"summary": "password: hunter22x " * 40_000, **{str(n): "x" for n in range(5_000)}},
            "alerts": [{"labels": {"alertname": f"Slow{n}"}, "startsAt": NOON} for n in range(1_000)],
        }
    )
    assert len(told.firings) == 1_000
    assert "hunter22x" not in "".join(firing.alert.summary for firing in told.firings)
    assert time.process_time() - begun < 10.0, "a generous deadline; each for itself would take minutes"


def test_a_batch_has_the_room_of_one_delivery():
    notified = {"alerts": [{"labels": {"alertname": "Slow"}, "startsAt": NOON}] * 600}
    batch = [{"type": "t", "data": notified}] * 3
    told = read_delivery(SenderName.CLOUDEVENTS, batch, {}, PROVING, 0.0)
    assert (len(told.firings), told.left_out) == (1_000, 800)


def test_the_name_of_an_alert_is_known_when_the_room_is_used_up():
    long = "the cart is slow. " * 1_000
    told = read_notification({"alerts": [{"labels": {"alertname": f"Slow{n}"}, "annotations": {"summary": long}, "startsAt": NOON} for n in range(100)]})  # fmt: skip
    assert [firing.alert.name for firing in told.firings] == [f"Slow{n}" for n in range(100)]
    assert all(firing.alert.summary.endswith(CUT) for firing in told.firings)
