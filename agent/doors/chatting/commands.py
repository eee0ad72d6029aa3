"""The slash commands: a name, a line about it, and what it does. A word that is none is answered with the nearest."""

import difflib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from agent.doors.chatting.acting import act
from agent.doors.chatting.deciding import approve, reject
from agent.doors.chatting.drawing import draw_table
from agent.doors.chatting.following import attach
from agent.doors.chatting.session import Session
from agent.doors.chatting.steering import steer_it
from agent.questions.answering import EXAMPLES
from agent.questions.intents import Intent, Query
from agent.report.text import inert
from agent.report.times import count, money, stamp
from agent.state import Alert
from tools.spec import Table


@dataclass(frozen=True, slots=True)
class Command:
    """``argument`` is how it is written in the help, "" for none."""

    about: str
    run: Callable[[Session, str], Awaitable[None]]
    argument: str = ""


async def take_command(session: Session, line: str) -> None:
    """Run the command of a line that begins with a slash."""
    name, _, argument = line.partition(" ")
    command = COMMANDS.get(name.lower())
    if command is None:
        begun = [known for known in COMMANDS if len(name) > 1 and known.startswith(name.lower())]
        near = begun or difflib.get_close_matches(name.lower(), COMMANDS, n=1)
        session.say(f"There is no {inert(name, 40)}{f'; did you mean {near[0]}?' if near else ''}. /help shows all.")
        return
    await command.run(session, argument.strip())


async def _help(session: Session, _: str) -> None:
    rows = tuple((f"{name} {command.argument}".strip(), command.about) for name, command in COMMANDS.items())
    draw_table(Table("", ("command", "what it does"), rows), session.console)
    session.say("")
    session.say("Or ask in words, such as:")
    for example in EXAMPLES:
        session.say(f"• {example}")
    session.say("Ctrl+C stops what runs and keeps the session; Ctrl+D exits.")


async def _tools(session: Session, _: str) -> None:
    case = await session.answerer.case(session.asked(""))
    rows = tuple((tool.name, tool.risk.value, inert(tool.summary)) for _, tool in sorted(case.desk.tools.items()))
    draw_table(Table("Tools", ("name", "risk", "reads"), rows), session.console)


async def _context(session: Session, _: str) -> None:
    case = await session.answerer.case(session.asked(""))
    local, models = case.clock.local(case.clock.now), session.settings.models
    report = case.report
    rows: list[tuple[str, str]] = [
        ("investigation", f"{case.row.id}, {case.row.status}" if case.row else "none is open"),
        ("source", f"{case.source.kind} {inert(case.source.place, 120)}".strip()),
        ("services", count(len(case.names.services), "service")),
        ("time zone", f"{local.tzname() or ''} (UTC{local:%z})"),
        ("telemetry until", f"{local:%Y-%m-%d %H:%M:%S}"),
        ("window", case.clock.told(report.window_start, report.window_end) if report else "the last hour, where none is said"),
        ("evidence", count(len(case.evidence), "answer")),
        ("model", inert(models.default) if models.any else "none: questions are understood by rules"),
        ("may still ask", f"{session.settings.ceilings.tool_calls - case.desk.budget().spend().tool_calls:,} times in this hour"),
    ]  # fmt: skip
    draw_table(Table("What the answers stand on", ("what", "is"), tuple(rows)), session.console)


async def _cost(session: Session, _: str) -> None:
    from datetime import UTC, datetime

    from agent.ledger import Ledger
    from agent.ledger_totals import Amounts

    session.show("/cost", await session.answerer.read(Query(Intent.COST), session.asked("")))
    today = datetime.now(UTC).date().isoformat()
    spent = sum((row.amounts for row in Ledger(session.settings.home).spends(today)), Amounts())
    session.say(f"Everything on this UTC day: {money(spent.usd)}, {count(spent.tool_calls, 'tool call')}.")


async def _resume(session: Session, argument: str) -> None:
    if argument and not _open(session, argument):
        return
    if not session.id:
        session.say("Resume which one? /list shows them.")
        return
    await session.go_on()


async def _clear(session: Session, _: str) -> None:
    session.console.clear()


async def _open_it(session: Session, argument: str) -> None:
    if not argument:
        session.say("Open which one? /list shows them.")
    elif _open(session, argument):
        await attach(session, session.console.is_terminal)


def _open(session: Session, argument: str) -> bool:
    from agent.ledger import Ledger, UnknownInvestigation

    try:
        session.id = Ledger(session.settings.home).investigation(argument.split(maxsplit=1)[0]).id
    except UnknownInvestigation as error:
        session.say(f"{inert(str(error).split(';')[0])}; /list shows them.")
        return False
    return True


async def _list(session: Session, _: str) -> None:
    from agent.ledger import Ledger

    rows = tuple(
        (f"{'*' if row.id == session.id else ''}{row.id}", stamp(row.created_at), row.status,
         inert(Alert.model_validate_json(row.alert).name, 60), inert(row.headline, 120))
        for row in Ledger(session.settings.home).investigations(20)
    )  # fmt: skip
    if rows:
        draw_table(Table("", ("id", "created (UTC)", "status", "alert", "verdict"), rows), session.console)
    else:
        session.say("No investigations yet. Say what is wrong, such as: why is checkout slow since 14:00?")


async def _undo(session: Session, _: str) -> None:
    await act(session, "", undo=True)


async def _evidence(session: Session, argument: str) -> None:
    wanted = Query(Intent.EVIDENCE, reference=argument.lower())
    session.show(f"/evidence {argument}", await session.answerer.read(wanted, session.asked("")))


def _reads(intent: Intent) -> Callable[[Session, str], Awaitable[None]]:
    async def run(session: Session, _: str) -> None:
        if session.nothing_open():
            return
        session.show(f"/{intent.value}", await session.answerer.read(Query(intent), session.asked("")))

    return run


async def _exit(session: Session, _: str) -> None:
    raise EOFError


COMMANDS: Mapping[str, Command] = {
    "/help": Command("what can be asked and typed", _help),
    "/list": Command("investigations, newest first", _list),
    "/open": Command("open one, and follow it while it runs", _open_it, "ID"),
    "/status": Command("where the open one stands, and how to go on elsewhere", _reads(Intent.STATUS)),
    "/why": Command("the verdict and what it rests on", _reads(Intent.WHY)),
    "/hypotheses": Command("what else it could be, with ids", _reads(Intent.HYPOTHESES)),
    "/evidence": Command("what is behind an id of evidence or of a claim", _evidence, "E-Q101"),
    "/steer": Command("say that a cause is wrong, or something to keep in mind", steer_it, "H2 is wrong because …"),
    "/approve": Command("see exactly what would run, and approve it", approve, "[REQUEST]"),
    "/reject": Command("turn it down; “wrong cause: …” looks for another", reject, "REASON"),
    "/act": Command("ask for an action by its name, such as a silence", act, "[ACTION] [SERVICE]"),
    "/undo": Command("ask for the way back from what was done last", _undo),
    "/resume": Command("go on with one that stopped", _resume, "[ID]"),
    "/tools": Command("what can be read here", _tools),
    "/context": Command("what the answers stand on: source, times, model", _context),
    "/cost": Command("what was spent", _cost),
    "/clear": Command("clear the screen", _clear),
    "/exit": Command("leave; so does Ctrl+D", _exit),
}
