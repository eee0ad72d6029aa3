"""Every sender counts its own events, so an id is kept apart by who sent it."""

import pytest

from tests.tools.test_change_events import SHA, TIME, cdevent, cloud, one


def test_senders_that_count_alike_tell_of_different_changes():
    ids = {one(cloud({"service": "s"}, id="20261124.1", source=source)).id for source in ("/ci/cart", "/ci/store")}
    assert ids == {"/ci/cart/20261124.1", "/ci/store/20261124.1"}
    bare = {"kind": "deploy", "id": "42", "time": TIME}
    assert {one({**bare, "service": service}).id for service in ("cart", "store")} == {"cart/42", "store/42"}
    event = cdevent("dev.cdevents.service.deployed.0.2.0", "store")
    counted, other = ({**event, "context": {**event["context"], "id": "42", "source": s}} for s in ("/ci", "/cd"))  # type: ignore[dict-item]
    assert one(counted).id != one(other).id


@pytest.mark.parametrize("id", ["0191d3a0-7d1c-7b7e-a4f2-9d4f1c2b3a4d", SHA, "store@2", "build-0042"])
def test_an_id_that_is_one_everywhere_stays_as_it_is(id: str):
    assert one({"kind": "deploy", "id": id, "service": "store", "time": TIME}).id == id
