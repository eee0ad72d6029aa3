"""The pages in the real browser: live without a reload, by keyboard alone, legible to all, and nothing foreign."""

import re
import threading
import urllib.request
from collections.abc import Callable
from importlib import resources

import pytest
from playwright.sync_api import Page, expect

from agent.event_log import EventLog
from agent.events import StageStarted
from agent.ledger import Ledger
from agent.settings import Settings
from evals.doubles.switchboard import Switchboard, with_policy
from tests.browser.conftest import Visitor

AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
Visit = Callable[..., Visitor]
GoOn = Callable[[str], None]


def violations(page: Page) -> list[str]:
    """What axe-core finds, by rule and place. It is evaluated, not loaded: the page's policy allows no such script."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]
    ]


def press_until(page: Page, name: str) -> None:
    """Tab through the page until the button of that name has the focus, and press it."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()").startswith(name):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid", "the focus cannot be seen"
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"no button {name!r} is reached by Tab")


def test_stages_appear_without_a_reload(visit: Visit, accepted: str, go_on: GoOn, served: Settings):
    visitor = visit()
    page = visitor.open(f"/investigations/{accepted}")
    expect(page.locator("#live")).to_contain_text("Live")
    page.evaluate("window.untouched = true")
    log = EventLog(served.home)
    log.tell(accepted, [StageStarted("triage"), StageStarted("scope")])
    expect(page.locator("#progress")).to_contain_text("Chose what to look at")
    log.tell(accepted, [StageStarted("gather", "metrics")])
    expect(page.locator("#progress")).to_contain_text("Asked metrics")
    running = threading.Thread(target=go_on, args=(accepted,))
    running.start()
    expect(page.locator("h1")).to_contain_text("Pool exhaustion at store")
    expect(page.locator("#approvals h3")).to_have_text("roll_back on store")
    expect(page.locator("#told")).to_contain_text("Waits for an approval")
    running.join()
    assert page.evaluate("window.untouched") is True
    assert (visitor.complaints, visitor.foreign) == ([], [])


def test_what_a_reader_opened_and_typed_outlives_a_renewal(visit: Visit, waiting: str, served: Settings):
    page = visit("ann").open(f"/investigations/{waiting}")
    expect(page.locator("#live")).to_contain_text("Live")
    page.locator("#report summary").first.click()
    page.get_by_label("Reason").fill("wait for the freeze")
    page.get_by_label("The cause is wrong").check()
    EventLog(served.home).tell(waiting, [StageStarted("verify")])
    expect(page.locator("#progress")).to_contain_text("13 steps")
    assert page.locator("#report details").first.evaluate("one => one.open") is True
    assert page.get_by_label("Reason").input_value() == "wait for the freeze"
    assert page.get_by_label("The cause is wrong").is_checked()


def test_an_action_is_approved_by_keyboard_alone(
    visit: Visit, waiting: str, go_on: GoOn, board: Switchboard, served: Settings
):
    visitor = visit("ann")
    page = visitor.open(f"/investigations/{waiting}")
    press_until(page, "Approve")
    page.wait_for_url("**/approval")
    expect(page.locator("h1")).to_have_text("Approve roll_back on store?")
    expect(page.get_by_text("version 2 → 1")).to_be_visible()
    assert board.done == []
    press_until(page, "Yes, approve it as ann")
    page.wait_for_url(f"**/investigations/{waiting}")
    expect(page.locator("#approvals")).to_contain_text("ann approved (web)")
    assert Ledger(served.home).investigation(waiting).status == "decided"
    expect(page.locator("#live")).to_contain_text("Live")
    go_on(waiting)
    expect(page.locator("#verdict .chip").first).to_contain_text("Done")
    expect(page.locator("#audit")).to_contain_text("approved by ann (web)")
    expect(page.locator("#report")).to_contain_text("rolled store back")
    expect(page.locator("#verdict .notice")).to_contain_text("after the action")
    assert [line["what"] for line in board.done] == ["run"]
    assert (visitor.complaints, visitor.foreign) == ([], [])


def test_a_cause_is_said_to_be_wrong_by_keyboard_alone(visit: Visit, waiting: str, go_on: GoOn, served: Settings):
    visitor = visit("ann")
    page = visitor.open(f"/investigations/{waiting}")
    before = page.locator("h1").inner_text()
    page.locator("#wishes summary").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.value") == "H1"
    page.keyboard.press("Tab")
    page.keyboard.type("it was rolled back at noon")
    press_until(page, "Weigh again without it")
    expect(page.locator("#audit")).to_contain_text("steered")
    assert Ledger(served.home).investigation(waiting).status == "decided"  # what waited rested on that cause
    go_on(waiting)
    expect(page.locator("h1")).not_to_have_text(before)
    expect(page.locator("#report")).to_contain_text("it was rolled back at noon")
    assert (visitor.complaints, visitor.foreign) == ([], [])


def test_all_works_without_a_script(visit: Visit, waiting: str, served: Settings):
    page = visit("ann", java_script_enabled=False).open(f"/investigations/{waiting}")
    page.get_by_label("Reason").fill("not tonight")
    page.get_by_label("The cause is wrong").check()
    page.get_by_role("button", name="Reject").click()
    assert page.get_by_text("not tonight").is_visible()
    page.get_by_role("button", name="Yes, reject it as ann").click()
    assert page.get_by_text("ann rejected (web): not tonight").count() == 1
    assert Ledger(served.home).investigation(waiting).status == "decided"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_and_use_it(visit: Visit, waiting: str, scheme: str, go_on: GoOn, served: Settings):
    with_policy(served, rules=[{"action": "*", "decision": "ask_two"}])
    visitor = visit("ann", color_scheme=scheme, reduced_motion="reduce")
    page = visitor.open("/investigations")
    assert violations(page) == []
    page = visitor.open(f"/investigations/{waiting}")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert violations(page) == []
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url("**/approval")
    assert violations(page) == []
    page.get_by_role("button", name="Yes, approve").click()
    page.wait_for_url(f"**/investigations/{waiting}")
    go_on(waiting)
    page.reload()
    assert violations(page) == []
    nobody = visit(color_scheme=scheme).open(f"/investigations/{waiting}")
    assert violations(nobody) == []
    assert (visitor.complaints, visitor.foreign) == ([], [])


def test_a_running_one_can_be_read_by_all(visit: Visit, accepted: str, served: Settings):
    EventLog(served.home).tell(accepted, [StageStarted("triage"), StageStarted("gather", "logs")])
    Ledger(served.home).set_status(accepted, "running")
    page = visit().open(f"/investigations/{accepted}")
    assert violations(page) == []


@pytest.mark.parametrize("width", [320, 768])
def test_nothing_is_wider_than_the_window(visit: Visit, waiting: str, width: int):
    visitor = visit("ann", viewport={"width": width, "height": 700})
    for path in ("/investigations", f"/investigations/{waiting}"):
        page = visitor.open(path)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url("**/approval")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_motion_stops_for_who_wants_none(visit: Visit, accepted: str, served: Settings):
    EventLog(served.home).tell(accepted, [StageStarted("triage")])
    Ledger(served.home).set_status(accepted, "running")
    moving = "getComputedStyle(document.querySelector('.steps .now'), '::after').animationName"
    assert visit(reduced_motion="reduce").open(f"/investigations/{accepted}").evaluate(moving) == "none"
    assert visit().open(f"/investigations/{accepted}").evaluate(moving) == "breathe"


def test_the_list_renews_itself(visit: Visit, accepted: str, server: str, go_on: GoOn):
    page = visit().open("/investigations")
    expect(page.locator(".chip")).to_contain_text("Accepted")
    go_on(accepted)
    expect(page.locator(".chip")).to_contain_text("Waits for an approval")
    expect(page.locator("h2")).to_contain_text("Waiting for a person")


def test_a_script_that_is_planted_does_not_run(visit: Visit, server: str):
    hostile = "<img src=x onerror=window.owned=1><script>window.owned=1</script>"
    body = '{"alerts":[{"labels":{"alertname":%s,"service":"s"},"status":"firing","startsAt":"2026-11-24T12:00:00Z"}]}'
    request = urllib.request.Request(
        f"{server}/webhook/alertmanager", (body % f'"{hostile}"').encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=20).close()
    visitor = visit()
    page = visitor.open("/investigations")
    page.locator(".case a").click()
    page.wait_for_url(re.compile("/investigations/[0-9a-f]+$"))
    expect(page.get_by_text("<script>").first).to_be_visible()
    assert page.evaluate("window.owned") is None
    assert (visitor.complaints, visitor.foreign) == ([], [])


def test_the_policy_of_the_page_holds(visit: Visit, accepted: str):
    """Not even what gets into the page can run a script or ask another host."""
    page = visit().open(f"/investigations/{accepted}")
    page.evaluate("""() => {
      const script = document.createElement("script"); script.textContent = "window.owned = 1"; document.body.append(script);
      const image = new Image(); image.src = "http://127.0.0.1:9/x.png"; document.body.append(image);
      const div = document.createElement("div"); div.innerHTML = "<b onclick='window.owned=1' id=b>x</b>"; document.body.append(div);
      document.getElementById("b").click();
    }""")
    assert page.evaluate("window.owned") is None
    assert page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'asked', () => 'refused')") == "refused"
