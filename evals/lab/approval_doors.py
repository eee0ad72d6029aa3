"""Where the script's approval is given: in Slack (a double of it), on the page, or in the ledger as any door does it."""

from contextlib import ExitStack
from dataclasses import dataclass

from agent.approvals import Request
from evals.lab.acting import APPROVER
from evals.lab.agent_server import AgentServer
from evals.lab.assembly import WorldOptions
from evals.lab.browser import Browser
from evals.lab.end_to_end import Door
from evals.lab.mending import Desk, LedgerDesk


class DoorError(ValueError):
    """There is no such door here; the message says which there are."""


def slack_is_here() -> bool:
    """Whether the double and what it is made of are here."""
    import importlib.util

    from evals.lab.slack_desk import DOUBLE

    return DOUBLE.is_file() and all(importlib.util.find_spec(name) for name in ("aiohttp", "slack_bolt"))


def door_named(name: str, stack: ExitStack) -> Door:
    """The door of that name; ``auto`` is the first that can be used here. What it needs to run, the stack ends.

    Raises ``DoorError``.
    """
    match name:
        case "slack":
            return _slack(stack)
        case "auto" if slack_is_here():
            return _slack(stack)
        case "auto" | "page":
            return _page()
        case "ledger":
            return _ledger()
        case _:
            raise DoorError(f"{name!r}: no such door; there are auto, slack, page, ledger")


@dataclass(frozen=True)
class PageDesk:
    """Somebody who answers on the investigation's page, in the browser that shows it."""

    url: str
    browser: Browser

    def waits(self, requests: tuple[Request, ...]) -> None:
        """The page shows it already."""

    def answer(self, request: Request, approved: bool, reason: str) -> None:
        """Fill the form of the request in, and confirm what the next page repeats."""
        verb = "Approve" if approved else "Reject"
        self.browser.open(self.url)
        form = self.browser.page.locator(f'article[aria-labelledby="ask-{request.id}"]')
        self.browser.fill(form.get_by_label("Reason"), reason)
        self.browser.press(form.get_by_role("button", name=verb))
        self.browser.see(request.action)
        self.browser.press(self.browser.page.get_by_role("button", name=f"Yes, {verb.lower()} it"))

    def ended(self) -> None:
        """The page will show it."""


def _slack(stack: ExitStack) -> Door:
    try:
        from evals.lab.slack_desk import SlackDesk, SlackRoom

        room = SlackRoom()
    except ImportError as error:
        raise DoorError(f"Slack needs more packages ({error.name}): install probable-cause[slack]") from None
    except FileNotFoundError as error:
        raise DoorError(str(error)) from None
    stack.callback(room.close)

    def desk(server: AgentServer, id: str, browser: Browser) -> Desk:
        browser.sign_in(APPROVER, server.web_token)
        return SlackDesk(room, id)

    told = WorldOptions(act=True, settings={"slack": room.settings}, variables=room.variables, with_slack=True)
    return Door("in Slack", desk, told)


def _page() -> Door:
    def desk(server: AgentServer, id: str, browser: Browser) -> Desk:
        browser.sign_in(APPROVER, server.web_token)
        return PageDesk(f"{server.url}/investigations/{id}", browser)

    return Door("on the page", desk, WorldOptions(act=True))


def _ledger() -> Door:
    def desk(server: AgentServer, id: str, browser: Browser) -> Desk:
        del id, browser
        return LedgerDesk(server.settings)

    return Door("in the ledger", desk, WorldOptions(act=True))
