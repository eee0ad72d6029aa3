"""The broker's queue: in order, at least once, and still there after a restart."""

import threading
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from evals.lab.shop.order_queue import OrderQueue
from evals.lab.shop.volume import Journal, Volume


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(Volume(tmp_path, 10_000, CollectorRegistry()), "orders.ndjson")


def test_messages_come_in_the_order_of_their_publication(journal: Journal) -> None:
    queue = OrderQueue(journal)
    ids = [queue.publish({"n": n}) for n in range(3)]
    assert [message.id for message in queue.take(2, 0.0, 60.0)] == ids[:2]


def test_nothing_is_delivered_before_older_messages_are_settled(journal: Journal) -> None:
    queue = OrderQueue(journal)
    first, second = queue.publish({}), queue.publish({})
    assert [message.id for message in queue.take(1, 0.0, 60.0)] == [first]
    assert queue.take(1, 0.0, 60.0) == []
    assert queue.settle([first]) == 1
    assert [message.id for message in queue.take(1, 0.0, 60.0)] == [second]


def test_a_message_that_nobody_settles_is_delivered_again(journal: Journal) -> None:
    queue = OrderQueue(journal)
    queue.publish({})
    assert [message.deliveries for message in queue.take(1, 0.0, 0.01)] == [1]
    assert [message.deliveries for message in queue.take(1, 5.0, 0.01)] == [2]


def test_a_waiting_taker_gets_what_is_published_meanwhile(journal: Journal) -> None:
    queue = OrderQueue(journal)
    publisher = threading.Timer(0.05, queue.publish, [{"n": 1}])
    publisher.start()
    assert [message.body for message in queue.take(1, 5.0, 60.0)] == [{"n": 1}]
    publisher.join()


def test_unsettled_messages_survive_a_restart(journal: Journal) -> None:
    before = OrderQueue(journal)
    settled, left = before.publish({"n": 1}), before.publish({"n": 2})
    before.settle([settled])
    after = OrderQueue(journal)
    assert [(message.id, message.body) for message in after.take(9, 0.0, 1.0)] == [(left, {"n": 2})]


def test_a_settled_history_does_not_fill_the_volume(journal: Journal) -> None:
    queue = OrderQueue(journal)
    for n in range(200):
        queue.settle([queue.publish({"n": n, "text": "x" * 100})])
    assert queue.depth() == 0


def test_a_message_that_cannot_be_kept_is_not_accepted(tmp_path: Path) -> None:
    queue = OrderQueue(Journal(Volume(tmp_path, 10, CollectorRegistry()), "orders.ndjson"))
    with pytest.raises(OSError, match="No space left"):
        queue.publish({"n": 1})
    assert queue.depth() == 0


def test_the_age_is_that_of_the_oldest_message(journal: Journal) -> None:
    queue = OrderQueue(journal)
    assert queue.oldest_age_seconds() == 0
    queue.publish({})
    queue.take(1, 0.0, 60.0)
    assert queue.oldest_age_seconds() > 0
