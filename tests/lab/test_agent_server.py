"""Who is told of alerts and changes: the product's own server, or a listener."""

import time
from collections.abc import Callable, Iterator

import pytest

from evals.lab.agent_server import AgentServer, Listener, Responder
from evals.lab.changes import ConfigChange, Deploy, FlagChange
from evals.lab.guard import Guard
from evals.lab.load import post
from evals.lab.server_process import free_port
from evals.lab.source_tree import SourceTree

NOTIFICATION = {
    "version": "4", "groupKey": '{}:{shop="lab"}', "status": "firing", "receiver": "pcause",
    "groupLabels": {"shop": "lab"}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://127.0.0.1",
    "alerts": [
        {
            "status": "firing", "labels": {"alertname": "ServiceDown", "service": "features", "severity": "critical"},
            "annotations": {"summary": "features does not answer"}, "startsAt": "2026-11-24T22:46:30.487Z",
            "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "fingerprint": "98329367124150bb",
        }
    ],
}  # fmt: skip


def _eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.2)
    return holds()


@pytest.fixture(params=["pcause serve", "listener"])
def responder(request: pytest.FixtureRequest, guard: Guard, tree: SourceTree) -> Iterator[tuple[Responder, int]]:
    port = free_port()
    if request.param == "listener":
        listener = Listener(port)
        yield listener, port
        listener.close()
    else:
        nowhere = f"http://127.0.0.1:{free_port()}"
        yield AgentServer(guard, port, nowhere, nowhere, tree.repository), port


def test_an_alert_that_is_posted_is_accepted_once_with_its_time(responder: tuple[Responder, int]) -> None:
    door, port = responder
    before = time.time()
    assert post(port, "/webhook/alertmanager", NOTIFICATION, 10.0)[0] == 202
    (accepted,) = door.accepted()
    assert before - 1 <= accepted.time <= time.time() + 1


def test_every_change_of_the_lab_is_taken(responder: tuple[Responder, int]) -> None:
    door, _ = responder
    now = time.time()
    for change in (
        Deploy(now, "shipping", "a" * 40, "1.2.0", "Ines Duarte"),
        FlagChange(now, "review_stars", "storefront", False, True, "Noor Haddad"),
        ConfigChange(now, "recommender", "model_version", "v1", "v3", "Noor Haddad", "Promote v3"),
    ):
        door.tell_change(change.to_event())


def test_the_product_reports_even_when_no_source_answers(guard: Guard, tree: SourceTree) -> None:
    port, nowhere = free_port(), f"http://127.0.0.1:{free_port()}"
    server = AgentServer(guard, port, nowhere, nowhere, tree.repository)
    post(port, "/webhook/alertmanager", NOTIFICATION, 10.0)
    (accepted,) = server.accepted()
    assert _eventually(lambda: server.report(accepted.id) is not None)
    report = server.report(accepted.id)
    assert report is not None
    assert report["alert"]["entity"] == "features"
