"""The machine: nodes, edges and routing, nothing else. This is the table of contents."""

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send

from agent.bench import Bench
from agent.nodes.act import act
from agent.nodes.ask_approval import ask_approval, wants_another_cause
from agent.nodes.check_claims import check_claims
from agent.nodes.conclude import conclude
from agent.nodes.diagnose import diagnose, wants_more
from agent.nodes.gather import branches, gather
from agent.nodes.propose import propose, undecided
from agent.nodes.report import report
from agent.nodes.scope import scope
from agent.nodes.triage import triage
from agent.nodes.verify import verify
from agent.state import Investigation

Machine = CompiledStateGraph[Investigation, Bench, Investigation, Investigation]


def build_graph(checkpointer: BaseCheckpointSaver[str] | None, max_rounds: int) -> Machine:
    """Compile the graph of DESIGN section 3; ``max_rounds`` bounds the only cycle."""

    def after_scope(state: Investigation) -> list[Send] | str:
        return branches(state) or "diagnose"

    def after_diagnose(state: Investigation) -> str:
        return "scope" if wants_more(state, max_rounds) else "conclude"

    def after_report(state: Investigation) -> str:
        # The report stands before anybody is asked: who approves should have read it.
        return "ask_approval" if undecided(state) else END

    def after_ask_approval(state: Investigation) -> str:
        return "diagnose" if wants_another_cause(state) else "act"

    graph = StateGraph(Investigation, context_schema=Bench)
    for node in (
        triage,
        scope,
        gather,
        diagnose,
        conclude,
        check_claims,
        propose,
        ask_approval,
        act,
        verify,
        report,
    ):
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "triage")
    graph.add_edge("triage", "scope")
    graph.add_conditional_edges("scope", after_scope, ["gather", "diagnose"])
    graph.add_edge("gather", "diagnose")
    graph.add_conditional_edges("diagnose", after_diagnose, ["scope", "conclude"])
    graph.add_edge("conclude", "check_claims")
    graph.add_edge("check_claims", "propose")
    graph.add_edge("propose", "report")
    graph.add_conditional_edges("report", after_report, ["ask_approval", END])
    graph.add_conditional_edges("ask_approval", after_ask_approval, ["diagnose", "act"])
    graph.add_edge("act", "verify")
    graph.add_edge("verify", "report")
    return graph.compile(checkpointer=checkpointer, name="investigation")
