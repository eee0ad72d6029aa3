"""A person's browser: Chromium, driven by playwright, that shows the product's pages and takes pictures of them."""

import base64
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from evals.lab.mending import MendError

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_SEE_SECONDS = 20.0
_CLICK_SECONDS = 10.0
_WIDTH, _HEIGHT = 1280, 1100


class BrowserError(RuntimeError):
    """There is no browser here; the message says what to install."""


def find_chromium() -> str:
    """The path of the browser. Raises ``BrowserError`` where it or its driver is not installed."""
    try:
        import playwright  # noqa: F401 - only whether it is there
    except ImportError:
        raise BrowserError("the browser's driver is not installed: pip install playwright") from None
    found = next((path for program in _PROGRAMS if (path := shutil.which(program))), None)
    if found is None:
        raise BrowserError("the script looks at the pages in the real Chromium: apt-get install chromium")
    return found


class Browser:
    """One window. ``pictures`` is the folder for pictures; None takes none."""

    def __init__(self, page: "Page", pictures: Path | None) -> None:
        self._page, self._pictures = page, pictures
        self._complaints: list[str] = []
        page.on("pageerror", lambda error: self._complaints.append(str(error)))

    @property
    def page(self) -> "Page":
        """The page that is open."""
        return self._page

    @property
    def complaints(self) -> tuple[str, ...]:
        """Errors of scripts so far."""
        return tuple(self._complaints)

    def sign_in(self, user: str, token: str) -> None:
        """Show a personal token from now on, as a browser does once it has been asked for it."""
        basic = base64.b64encode(f"{user}:{token}".encode()).decode()
        self._page.set_extra_http_headers({"Authorization": f"Basic {basic}"})

    def open(self, url: str) -> None:
        """Go to an address."""
        self._page.goto(url, wait_until="domcontentloaded")

    def see(self, *texts: str) -> None:
        """Wait until the page shows every text, reloading as a person would. Raises ``MendError``."""
        from playwright.sync_api import Error

        for text in texts:
            try:
                self._page.get_by_text(text).first.wait_for(state="attached", timeout=_SEE_SECONDS * 500)
            except Error:
                self._page.reload(wait_until="domcontentloaded")
                try:
                    self._page.get_by_text(text).first.wait_for(state="attached", timeout=_SEE_SECONDS * 500)
                except Error:
                    raise MendError(f"the page {self._page.url} does not show {text!r}") from None

    def fill(self, field: "Locator", text: str) -> None:
        """Write into a field. Raises ``MendError`` where it is not there."""
        self._try(lambda: field.fill(text, timeout=_CLICK_SECONDS * 1000))

    def press(self, button: "Locator") -> None:
        """Press a button by keyboard, and wait for the page that it leads to. Raises ``MendError``."""
        self._try(lambda: button.press("Enter", timeout=_CLICK_SECONDS * 1000))
        self._page.wait_for_load_state("domcontentloaded")

    def _try(self, act: Callable[[], None]) -> None:
        from playwright.sync_api import Error

        try:
            act()
        except Error as error:
            raise MendError(f"the page {self._page.url} cannot be used: {error.message.splitlines()[0]}") from None

    def picture(self, name: str, at: str = "") -> Path | None:
        """Keep what the window shows, scrolled to a heading where one is named."""
        if self._pictures is None:
            return None
        self._pictures.mkdir(parents=True, exist_ok=True)
        heading = self._page.get_by_role("heading", name=at).first
        if at and heading.count():
            heading.evaluate("element => { element.scrollIntoView(); window.scrollBy(0, -40); }")
        path = self._pictures / f"{name}.png"
        self._page.screenshot(path=path, animations="disabled")
        return path


@contextmanager
def open_browser(pictures: Path | None) -> Iterator[Browser]:
    """A window, closed at the end. Raises ``BrowserError``."""
    program = find_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        # A container runs everything as root, where Chromium's own sandbox does not start.
        chromium = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        try:
            context = chromium.new_context(
                viewport={"width": _WIDTH, "height": _HEIGHT}, color_scheme="light", reduced_motion="reduce",
                locale="en-GB", timezone_id="UTC",
            )  # fmt: skip
            yield Browser(context.new_page(), pictures)
        finally:
            chromium.close()
