"""Model versions of an MLflow registry: what was registered, and what was moved to another stage.

They are settings and not deploys: whoever serves a model follows a version, a stage or an alias without a release of
its own. MLflow keeps no time for aliases, so an alias is told with the version that carries it.
"""

from collections.abc import Iterator, Mapping, Sequence

from diagnosis.telemetry import Change, ChangeKind, Window
from tools.change_feeds.fields import Fields, first, mapping, moment, sequence, text
from tools.change_feeds.lateness import in_time
from tools.http.fetch import Fetch
from tools.spec import ToolError

MOST_PAGES = 20
_PER_PAGE = "200"
_STAGES = ("Production", "Staging", "Archived")
_API = "/api/2.0/mlflow"


class MlflowFeed:
    """Changes of all registered models that the token may see. ``fetch`` returns decoded JSON of a path."""

    name = "MLflow"

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    def changes(self, window: Window) -> Sequence[Change]:
        """Registrations and stage transitions of the window; raises ``ToolError`` for an answer of another shape."""
        return tuple(change for change in self._all() if change.time in window)

    def read(self, id: str) -> Change | None:
        """A change by its id as listed; models have no diff."""
        return next((change for change in self._all() if change.id == id), None) if id.startswith("mlflow/") else None

    def _all(self) -> Iterator[Change]:
        fetch = in_time(self._fetch)
        aliases = {
            text(m.get("name")): _aliases(m) for m in _pages(fetch, "registered-models/search", "registered_models")
        }
        versions: dict[str, list[Fields]] = {}
        for version in _pages(fetch, "model-versions/search", "model_versions"):
            if text(version.get("name")) and _number(version):
                versions.setdefault(text(version.get("name")), []).append(version)
        for name, of_model in sorted(versions.items()):
            yield from _changes_of(name, sorted(of_model, key=_number), aliases.get(name, {}))


def _pages(fetch: Fetch, path: str, field: str) -> Iterator[Fields]:
    token = ""
    for _ in range(MOST_PAGES):
        parameters = {"max_results": _PER_PAGE} | ({"page_token": token} if token else {})
        answer = fetch(f"{_API}/{path}", parameters)
        if not isinstance(answer, Mapping):
            raise ToolError(f"MLflow answered {path} with {type(answer).__name__} instead of an object")
        yield from map(mapping, sequence(answer.get(field)))
        token = text(answer.get("next_page_token"))
        if not token:
            return


def _number(version: Fields) -> int:
    said = text(version.get("version"), 12)
    return int(said) if said.isascii() and said.isdigit() else 0


def _aliases(model: Fields) -> dict[str, list[str]]:
    """Aliases by the version that they point to."""
    found: dict[str, list[str]] = {}
    for item in map(mapping, sequence(model.get("aliases"))):
        found.setdefault(text(item.get("version")), []).append(text(item.get("alias")))
    return found


def _changes_of(name: str, versions: Sequence[Fields], aliases: Mapping[str, Sequence[str]]) -> Iterator[Change]:
    before = ""
    for version in versions:
        number = str(_number(version))
        created, updated = moment(version.get("creation_timestamp")), moment(version.get("last_updated_timestamp"))
        author, stage = first(version, "user_id"), text(version.get("current_stage"))
        called = f" (alias {', '.join(aliases[number])})" if aliases.get(number) else ""
        if created is not None:
            yield Change(
                ChangeKind.CONFIG, f"mlflow/{name}/{number}", created, name,
                f"model {name}: version {number} registered{called}", author,
                version=number, before=before, after=number, key="model_version",
            )  # fmt: skip
        if updated is not None and updated != created and stage in _STAGES:
            yield Change(
                ChangeKind.CONFIG, f"mlflow/{name}/{number}/{stage}", updated, name,
                f"model {name}: version {number} in stage {stage}{called}", author, version=number, after=stage,
                key="model_stage",
            )  # fmt: skip
        before = number
