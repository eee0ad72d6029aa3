"""The chat in a terminal: a prompt with completion and history, a paste as one input, Ctrl+C that stops only what runs."""

import logging
import termios
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from agent.doors.chatting.commands import take_command
from agent.doors.chatting.completing import ChatCompleter
from agent.doors.chatting.following import attach
from agent.doors.chatting.history import SafeHistory
from agent.doors.chatting.pasting import bounded
from agent.doors.chatting.session import Session
from agent.doors.errors import friendly
from agent.ledger import LedgerError, UnknownInvestigation

_log = logging.getLogger(__name__)


async def converse(session: Session) -> None:
    """Until Ctrl+D or /exit."""
    pasted = Pasted()
    prompt: PromptSession[str] = PromptSession(
        history=SafeHistory(session.settings.home / "chat_history"), completer=ChatCompleter(session),
        key_bindings=pasted.bindings(), bottom_toolbar=lambda: _toolbar(session, pasted), reserve_space_for_menu=4,
        complete_while_typing=Condition(lambda: prompt.default_buffer.text.startswith("/")), enable_history_search=False,
        complete_in_thread=True,
    )  # fmt: skip
    session.confirm = _confirm
    session.listen_for_stops()
    session.say("Ask in words, or /help. Ctrl+C stops what runs, Ctrl+D exits.", "dim")
    await _do(session, attach(session, True))
    await _do(session, _look_up_names(session))
    while True:
        try:
            line = await prompt.prompt_async(_message(session), handle_sigint=False)
        except KeyboardInterrupt:
            session.say("Nothing runs. Ctrl+D exits.", "dim")
            continue
        except EOFError:
            return
        told, pasted.told = pasted.told, ""
        text, cut = bounded(line)
        for note in dict.fromkeys((told, cut)):
            if note:
                session.say(note)
        if not text:
            continue
        work = take_command(session, text) if text.startswith("/") else session.ask(text)
        try:
            await _do(session, work)
        except EOFError:
            return


async def _look_up_names(session: Session) -> None:
    """For completion; only those that an investigation has seen, since that asks no system."""
    if session.id:
        await session.answerer.case(session.asked(""))


async def _do(session: Session, work: Coroutine[Any, Any, None]) -> None:
    """What goes wrong is said in a line, and the session goes on."""
    try:
        with _unheard():
            finished = await session.stoppable(work)
        if not finished:
            row = session.row
            stopped = row is not None and row.status == "interrupted"
            session.say(f"Stopped. {f'/resume goes on with {session.id}.' if stopped else 'The session goes on.'}")
    except EOFError:
        raise
    except Exception as error:
        message = friendly(error)
        if message is None:
            _log.exception("this could not be done")
            message = f"that broke ({type(error).__name__}), which is a defect; the session goes on"
        session.say(f"pcause: {message}")


@contextmanager
def _unheard() -> Iterator[None]:
    """Keys that are pressed while something runs wait for the next prompt, and do not write into what is drawn."""
    try:
        before = termios.tcgetattr(0)
    except termios.error:  # no terminal
        yield
        return
    quiet = [*before]
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(0, termios.TCSADRAIN, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


async def _confirm(question: str) -> str:
    """What a person types, kept nowhere; "" for Ctrl+C and Ctrl+D."""
    prompt: PromptSession[str] = PromptSession()
    try:
        return await prompt.prompt_async(question, handle_sigint=False)
    except (KeyboardInterrupt, EOFError):
        return ""


class Pasted:
    """The last paste: ``told`` says what of it was cut."""

    def __init__(self) -> None:
        self.told = ""

    def bindings(self) -> KeyBindings:
        """A paste becomes one line of bounded length."""
        bindings = KeyBindings()

        @bindings.add(Keys.BracketedPaste)
        def _(event: KeyPressEvent) -> None:
            kept, self.told = bounded(event.data)
            event.current_buffer.insert_text(kept)

        return bindings


def _message(session: Session) -> FormattedText:
    return FormattedText([("bold", f"{session.id[:6]}> " if session.id else "> ")])


def _toolbar(session: Session, pasted: Pasted) -> str:
    if pasted.told:
        return pasted.told
    try:
        row = session.row
    except (LedgerError, UnknownInvestigation):  # a bar must not end the session; the next command says what is wrong
        return "/help"
    return f"{row.id} {row.status} · /help" if row else "no investigation is open · /help"
