"""No answer is told apart from nothing sent: only what was sent may still be going on."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr

from tests.kubernetes_double import TOKEN, Kubernetes
from tests.signed_double import Signed
from tests.tools.actions.http_cases import ARGUMENTS, KEY, action
from tests.tools.actions.workload_cases import BY_NAME, actions, deployed, image
from tools.actions.sending import Sender
from tools.actions.spec import ActionError, NoAnswer
from tools.actions.workloads.actions import workload_actions
from tools.actions.workloads.cluster import Cluster
from tools.actions.workloads.policy import KubernetesPolicy
from tools.http.connection import Connection

NOBODY = "http://127.0.0.1:9"


@contextmanager
def hanging_up_with_tls(authority: trustme.CA) -> Iterator[tuple[str, list[str]]]:
    """It reads requests over TLS and hangs up without an answer; the list has what it read."""
    read: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            read.append(self.path)
            self.close_connection = True

        do_PATCH = do_GET = do_POST  # noqa: N815 - names of the library

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}", read
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("how", ["slow", "hangs up", "gateway"])
def test_a_request_that_was_sent_and_not_answered_may_still_be_done(double: Signed, how: str):
    double.slow_seconds, double.hang_up = 1.0 if how == "slow" else 0.0, how == "hangs up"
    double.status = 504 if how == "gateway" else 0
    with pytest.raises(NoAnswer):
        action(double.url, seconds=0.3).run(ARGUMENTS, KEY)
    assert len(double.changed()) == 1


def test_an_answer_that_says_no_is_an_answer(double: Signed):
    double.status = 500
    with pytest.raises(ActionError, match="500") as caught:
        action(double.url).run(ARGUMENTS, KEY)
    assert not isinstance(caught.value, NoAnswer)


def test_what_was_never_sent_is_surely_not_done(double: Signed):
    with_tls = double.url.replace("http:", "https:")
    for url in (NOBODY, with_tls, "http://nobody.invalid"):
        with pytest.raises(ActionError) as caught:
            Sender(Connection(name="d", url=url)).send("POST", f"{url}/x")
        assert not isinstance(caught.value, NoAnswer), url
    assert double.requests == []


def test_tls_decides_before_sending_and_not_after(tmp_path: Path):
    authority, stranger = trustme.CA(), trustme.CA()
    ours, theirs = tmp_path / "ours.pem", tmp_path / "theirs.pem"
    authority.cert_pem.write_to_path(ours)
    stranger.cert_pem.write_to_path(theirs)
    with hanging_up_with_tls(authority) as (url, read):
        with pytest.raises(ActionError, match="ca_file") as caught:
            Sender(Connection(name="d", url=url, ca_file=str(theirs))).send("POST", f"{url}/x")
        assert (isinstance(caught.value, NoAnswer), read) == (False, [])
        with pytest.raises(NoAnswer):
            Sender(Connection(name="d", url=url, ca_file=str(ours))).send("POST", f"{url}/x")
        assert read == ["/x"]
        for file, kind, said in ((theirs, ActionError, "cannot be reached"), (ours, NoAnswer, "broke off")):
            policy = KubernetesPolicy(url=url, namespace="shop", ca_file=str(file))
            with pytest.raises(ActionError, match=said) as caught:
                workload_actions(Cluster(policy, SecretStr(TOKEN)), lambda: 0.0)[1].dry_run(BY_NAME)
            assert type(caught.value) is kind


def test_a_patch_whose_answer_was_lost_may_be_there(cluster: Kubernetes):
    path = deployed(cluster)
    cluster.lose_answers = True
    with pytest.raises(NoAnswer):
        actions(cluster)["rollback_workload"].run(BY_NAME, KEY)
    assert image(cluster, path) == "store:1"


def test_a_cluster_that_is_slow_or_behind_a_dead_gateway_gave_no_answer(cluster: Kubernetes):
    spec = actions(cluster, timeout_seconds=0.3)["restart_workload"]
    path, slow = deployed(cluster), threading.Event()
    cluster.before_patch = lambda: slow.wait(1.0) and None
    with pytest.raises(NoAnswer, match="in time"):
        spec.run(BY_NAME, KEY)
    slow.set()
    cluster.before_patch, cluster.status = None, 504
    with pytest.raises(NoAnswer, match="504"):
        spec.run(BY_NAME, KEY)
    assert image(cluster, path) == "store:2"


def test_a_cluster_that_cannot_be_reached_was_not_asked(cluster: Kubernetes):
    for url in (NOBODY, cluster.url.replace("http:", "https:")):
        policy = KubernetesPolicy(url=url, namespace="shop")
        with pytest.raises(ActionError, match="cannot be reached") as caught:
            workload_actions(Cluster(policy, SecretStr(TOKEN)), lambda: 0.0)[0].run(BY_NAME, KEY)
        assert not isinstance(caught.value, NoAnswer), url


@pytest.mark.parametrize(("seconds", "settled"), [(5.0, 15.0), (45.0, 55.0)])
def test_how_long_it_may_still_take_is_known(
    cluster: Kubernetes, double: Signed, seconds: float, settled: float, target: Callable[..., object]
):
    assert action(double.url, seconds=seconds).settles_seconds == settled
    assert actions(cluster, timeout_seconds=seconds)["scale_workload"].settles_seconds == seconds + 60
