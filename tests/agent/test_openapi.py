"""Requests drawn from our own OpenAPI document, in the process: none makes the server fail."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis import Case
from starlette.testclient import TestClient

from agent.backends import Backends
from agent.doors.server import build_app
from agent.settings import Settings
from tests.sending import MAPPING, PROVING

TOKEN = "s3cret-token"


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    senders = type(PROVING).model_validate({"generic": {"mapping": MAPPING}})
    held = settings.model_copy(update={"senders": senders})
    app = build_app(held, Backends(held), TOKEN)
    with TestClient(app, raise_server_exceptions=False, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client


def test_no_request_of_the_document_makes_the_server_fail(client: TestClient):
    document = client.get("/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len([one for one in operations if one.path.startswith("/webhook/")]) == 5
    for operation in operations:
        seen = 0

        @given(case=operation.as_strategy())
        @hypothesis_settings(
            max_examples=25,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        def ask(case: Case) -> None:
            nonlocal seen
            seen += 1
            wire = case.as_transport_kwargs(base_url="http://testserver")
            wire.pop("cookies", None)
            answer = client.request(**wire)
            assert answer.status_code < 500, (case.method, case.path, answer.status_code, answer.text[:300])

        ask()
        assert seen, operation.label
