"""The index of the runbooks as the settings say: where it lives, what embeds, and the tool that asks it."""

import hashlib
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from agent.settings import Settings
from diagnosis.findings import FaultKind
from retrieval.embedding import Embedder, EmbeddingError, LlamaIndexEmbedder, MiniLM
from retrieval.folder_home import FolderHome
from retrieval.homes import Home, RunbookIndexError
from retrieval.memory_home import MemoryHome
from retrieval.search import Hit, RunbookSearch, Wanted
from retrieval.server_home import ServerHome
from tools.spec import Answer, Empty, FoundRunbook, FoundRunbooks, Risk, Rows, SearchRunbooks, Tool, ToolError, ToolName

IN_MEMORY = ":memory:"  # as ``runbooks.url``
_QUOTED = 1_000  # characters of a passage


def home_of(settings: Settings) -> Home:
    """A server where one is named, this process's memory where ``:memory:`` is, else a folder below the home of this
    installation. Raises ``SettingsError``."""
    wanted, folder = settings.runbooks, settings.home / "runbooks"
    if not wanted.url:
        return FolderHome(folder)
    if wanted.url == IN_MEMORY:
        return _in_memory(settings.home)
    key = wanted.api_key
    named = hashlib.sha256(wanted.url.encode()).hexdigest()[:12]  # what goes with the collections of this server
    return ServerHome(wanted.url, key.get_secret_value() if key else "", folder / f"server-{named}")


@cache
def _in_memory(home: Path) -> MemoryHome:
    """One of each installation, or nobody would find what was indexed."""
    return MemoryHome()


def embedder_of(settings: Settings) -> Embedder:
    """The default, or the model of LlamaIndex that the settings name. Raises ``EmbeddingError``."""
    wanted = settings.runbooks
    return LlamaIndexEmbedder(wanted.embedding, wanted.embedding_arguments) if wanted.embedding else MiniLM()


def runbook_search(settings: Settings) -> RunbookSearch:
    """Asks the index; nothing is loaded before the first question."""
    return RunbookSearch(home_of(settings), embedder_of(settings))


def incidents_home(settings: Settings) -> FolderHome:
    """The index of confirmed incidents: always in a folder of this installation, for they name its services."""
    return FolderHome(settings.home / "incidents" / "index")


class Runbooks:
    """The tools that ask the two indices, of runbooks and of confirmed incidents; one model for both.

    An index that is made while a server runs is there for its next investigation.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def tools(self) -> Mapping[str, Tool[Any]]:
        """Of the indices that there are; a server that is named counts as one, so that a report tells of its trouble."""
        there = {
            ToolName.SEARCH_RUNBOOKS: bool(self._settings.runbooks.url) or bool(home_of(self._settings).generation()),
            ToolName.SEARCH_INCIDENTS: bool(incidents_home(self._settings).generation()),
        }
        return {name: tool for name, tool in self.declared.items() if there[ToolName(name)]}

    @cached_property
    def declared(self) -> Mapping[str, Tool[Any]]:
        """Both, whatever there is."""
        embedder = embedder_of(self._settings)
        return {
            **_tool(
                ToolName.SEARCH_RUNBOOKS,
                "runbooks for what was found",
                RunbookSearch(home_of(self._settings), embedder),
            ),
            **_tool(
                ToolName.SEARCH_INCIDENTS,
                "confirmed incidents like this one",
                RunbookSearch(incidents_home(self._settings), embedder),
            ),
        }


def _tool(name: ToolName, summary: str, search: RunbookSearch) -> Mapping[str, Tool[Any]]:
    def run(arguments: SearchRunbooks) -> Answer:
        wanted = Wanted(tuple(map(FaultKind, arguments.fault_kinds)), arguments.services)
        try:
            hits = search.search(arguments.question, arguments.limit, wanted)
        except (RunbookIndexError, EmbeddingError) as error:
            raise ToolError(str(error)) from error
        return Rows(FoundRunbooks(tuple(map(_found, hits))), len(hits)) if hits else Empty()

    return {name.value: Tool(name.value, summary, SearchRunbooks, Risk.READ, lambda a: a.limit, run)}


def _found(hit: Hit) -> FoundRunbook:
    passage, steps = hit.passage, tuple((step.text, step.heading, step.line) for step in hit.steps)
    if passage is None:
        return FoundRunbook(hit.path, hit.title, hit.about, hit.fault_kinds, "", 0, 0, "", steps)
    place = (passage.heading, passage.first_line, passage.last_line, passage.text[:_QUOTED])
    return FoundRunbook(hit.path, hit.title, hit.about, hit.fault_kinds, *place, steps)
