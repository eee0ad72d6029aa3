"""Completion: commands, ids of investigations, of evidence and of hypotheses, names of actions and of services."""

from collections.abc import Callable, Iterable, Sequence

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from agent.doors.chatting.commands import COMMANDS
from agent.doors.chatting.session import Session
from agent.ledger import LedgerError

_MOST = 50


class ChatCompleter(Completer):
    """Asks nobody: it offers what is in the ledger, and the names that were looked up already."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._arguments: dict[str, Callable[[], Sequence[str]]] = {
            "/open": self._ids, "/resume": self._ids, "/evidence": self._evidence, "/steer": self._hypotheses,
            "/approve": self._requests, "/act": self._actions,
        }  # fmt: skip

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What the word before the cursor may become."""
        text = document.text_before_cursor
        command, blank, rest = text.partition(" ")
        if text.startswith("/") and not blank:
            found = ((name, about.about) for name, about in COMMANDS.items() if name.startswith(text.lower()))
            yield from (Completion(name, -len(text), display_meta=about) for name, about in found)
            return
        word = document.get_word_before_cursor(WORD=True)
        later = text.startswith("/") and " " in rest
        if later and command not in ("/steer", "/act"):
            return
        if not text.startswith("/") and len(word) < 2:
            return
        try:
            offers = self._services if later and command == "/act" else self._arguments.get(command, self._names)
            offered = offers()
        except LedgerError:
            return
        near = (name for name in offered if name.lower().startswith(word.lower()))
        yield from (Completion(name, -len(word)) for name in list(near)[:_MOST])

    def _ids(self) -> Sequence[str]:
        from agent.ledger import Ledger

        return [row.id for row in Ledger(self._session.settings.home).investigations(_MOST)]

    def _evidence(self) -> Sequence[str]:
        report = self._session.report
        return [*(item.id for item in report.evidence), *(claim.id for claim in report.claims)] if report else []

    def _hypotheses(self) -> Sequence[str]:
        from agent.steering import shown_hypotheses

        return list(shown_hypotheses(self._session.settings.home, self._session.id)) if self._session.id else []

    def _requests(self) -> Sequence[str]:
        from agent.approvals import Approvals

        pending = Approvals(self._session.settings).pending(self._session.id) if self._session.id else ()
        return [request.id for request in pending]

    def _actions(self) -> Sequence[str]:
        given = self._session.actions
        return sorted(self._session.settings.actions.names if given is None else given)

    def _services(self) -> Sequence[str]:
        return list(self._session.answerer.known().services)

    def _names(self) -> Sequence[str]:
        known = self._session.answerer.known()
        return [*known.services, *sorted(known.all_metrics)]
