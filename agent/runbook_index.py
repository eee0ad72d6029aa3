"""The index of the runbooks as the settings say: where it lives, what embeds, and the tool that asks it."""

import hashlib
from collections.abc import Mapping
from typing import Any

from agent.settings import Settings
from diagnosis.findings import FaultKind
from retrieval.embedding import Embedder, EmbeddingError, LlamaIndexEmbedder, MiniLM
from retrieval.folder_home import FolderHome
from retrieval.homes import Home, RunbookIndexError
from retrieval.search import Hit, RunbookSearch, Wanted
from retrieval.server_home import ServerHome
from tools.spec import Answer, Empty, FoundRunbook, FoundRunbooks, Risk, Rows, SearchRunbooks, Tool, ToolError, ToolName

_QUOTED = 1_000  # characters of a passage


def home_of(settings: Settings) -> Home:
    """A server where one is named, else a folder below the home of this installation. Raises ``SettingsError``."""
    wanted, folder = settings.runbooks, settings.home / "runbooks"
    if not wanted.url:
        return FolderHome(folder)
    key = wanted.api_key
    named = hashlib.sha256(wanted.url.encode()).hexdigest()[:12]  # what goes with the collections of this server
    return ServerHome(wanted.url, key.get_secret_value() if key else "", folder / f"server-{named}")


def embedder_of(settings: Settings) -> Embedder:
    """The default, or the model of LlamaIndex that the settings name. Raises ``EmbeddingError``."""
    wanted = settings.runbooks
    return LlamaIndexEmbedder(wanted.embedding, wanted.embedding_arguments) if wanted.embedding else MiniLM()


def runbook_search(settings: Settings) -> RunbookSearch:
    """Asks the index; nothing is loaded before the first question."""
    return RunbookSearch(home_of(settings), embedder_of(settings))


def runbook_tools(settings: Settings) -> Mapping[str, Tool[Any]]:
    """``search_runbooks`` where there is an index in the folder, or a server is named; else nothing."""
    if not settings.runbooks.url and not home_of(settings).generation():
        return {}
    search = runbook_search(settings)

    def run(arguments: SearchRunbooks) -> Answer:
        kinds = tuple(map(FaultKind, arguments.fault_kinds))
        try:
            hits = search.search(arguments.question, arguments.limit, Wanted(fault_kinds=kinds))
        except (RunbookIndexError, EmbeddingError) as error:
            raise ToolError(str(error)) from error
        return Rows(FoundRunbooks(tuple(map(_found, hits))), len(hits)) if hits else Empty()

    name = ToolName.SEARCH_RUNBOOKS.value
    return {name: Tool(name, "runbooks for what was found", SearchRunbooks, Risk.READ, lambda a: a.limit, run)}


def _found(hit: Hit) -> FoundRunbook:
    passage, steps = hit.passage, tuple((step.text, step.heading, step.line) for step in hit.steps)
    if passage is None:
        return FoundRunbook(hit.path, hit.title, hit.fault_kinds, "", 0, 0, hit.about, steps)
    place = (passage.heading, passage.first_line, passage.last_line, passage.text[:_QUOTED])
    return FoundRunbook(hit.path, hit.title, hit.fault_kinds, *place, steps)
