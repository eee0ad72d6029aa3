"""What the pages load: our own few files, light, with contrast."""

import re
from importlib import resources

from httpx import ASGITransport, AsyncClient

from agent.backends import Backends
from agent.doors.server import build_app
from agent.settings import Settings
from tests.report.test_page import contrast


async def test_only_our_own_files_are_static(settings: Settings):
    transport = ASGITransport(build_app(settings, Backends(settings), None))
    async with AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        found = [await client.get(f"/static/{name}") for name in ("pcause.css", "pcause.js", "pcause.svg")]
        other = [
            await client.get(f"/static/{name}") for name in ("report.css", "..%2fhtml.py", "%2e%2e/settings.py", "")
        ]
    assert [answer.headers["content-type"].partition(";")[0] for answer in found] == [
        "text/css", "text/javascript", "image/svg+xml",
    ]  # fmt: skip
    assert {answer.status_code for answer in other} == {404}
    assert not re.search(
        r"https?://(?!www\.w3\.org/2000/svg)|url\(|@import|eval\(|innerHTML", "".join(a.text for a in found)
    )
    assert sum(len(answer.content) for answer in found) < 40_000


def test_colours_of_the_pages_have_contrast():
    css = [resources.files("agent.report").joinpath(name).read_text() for name in ("report.css", "pages.css")]
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#\w{6})", "".join(part))) for part in zip(*map(_palettes, css), strict=True)
    )
    for colours in (light, dark):
        assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
        for ground in ("ground", "card", "wash", "tint"):
            assert contrast(colours["ink"], colours[ground]) >= 4.5
        for ground in ("ground", "card"):
            assert contrast(colours["edge"], colours[ground]) >= 3  # of a field's border


def _palettes(css: str) -> list[str]:
    return re.findall(r":root \{([^}]*)\}", css)[:2]
