"""A runbook as LlamaIndex nodes: views of it by name, by meaning and by section, each with the place it stands at.

People ask by name, by what is wrong, or by a detail of one section, in the runbook's words or in their own: a question
is compared with each view, and the nearest counts. The words of the whole runbook are searched through its meaning;
the passages that are cited are its sections.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from llama_index.core.schema import BaseNode, Document, NodeRelationship, TextNode, TransformComponent

from retrieval.plain_words import plain_words
from retrieval.points import MEANING, NAME, SAID, SECTION, point_id
from retrieval.runbooks import Runbook
from retrieval.sections import prose

# What the embedding reads of a view: about as much as its model was trained on.
_ABOUT_CHARACTERS, _SECTION_CHARACTERS, _MOST_SECTIONS = 700, 900, 24
_SAID_CHARACTERS = 500  # so that the everyday words are read, too
_EMBEDDED = "embedded"


def document_of(runbook: Runbook) -> Document:
    """What the ingestion pipeline compares: the same bytes have the same hash."""
    return Document(id_=runbook.path, text=runbook.digest)


class Views(TransformComponent):
    """Documents in, the views of their runbooks out."""

    runbooks: dict[str, Any]  # by path

    def __call__(self, nodes: Sequence[BaseNode], **_: Any) -> list[BaseNode]:  # noqa: ANN401 - as LlamaIndex has it
        return [view for node in nodes for view in _views(self.runbooks[node.node_id], node)]


class Vectors(TransformComponent):
    """Gives every view its vector, in batches; see ``Embedder.embed`` and ``Progress`` for what it is made with."""

    embed: Any
    progress: Any
    at_once: int = 64

    def __call__(self, nodes: Sequence[BaseNode], **_: Any) -> list[BaseNode]:  # noqa: ANN401 - as LlamaIndex has it
        for begin in range(0, len(nodes), self.at_once):
            batch = nodes[begin : begin + self.at_once]
            vectors = self.embed([node.metadata.pop(_EMBEDDED) for node in batch])
            for node, vector in zip(batch, vectors, strict=True):
                node.embedding = [float(value) for value in vector]
            self.progress(begin + len(batch), len(nodes))
        return list(nodes)


def _views(runbook: Runbook, document: BaseNode) -> Iterator[TextNode]:
    title, words, symptoms = runbook.title, "; ".join(plain_words(runbook.title)), "; ".join(runbook.symptoms)
    # What it means and whom it hurts is what teams write first.
    first = " ".join(prose(section.text) for section in runbook.sections[:2])
    about = f"{runbook.description or first[:_ABOUT_CHARACTERS]} {symptoms[:_ABOUT_CHARACTERS]}".strip()
    whole = "\n".join((title, about, *(prose(section.text) for section in runbook.sections), words))
    steps = [[step.text, step.heading, step.line] for step in runbook.steps]
    yield _view(document, runbook, NAME, "", f"{title}: {words}")
    yield _view(
        document,
        runbook,
        MEANING,
        whole,
        f"{title}. {about}",
        about=about,
        description=runbook.description,
        steps=steps,
    )
    yield _view(document, runbook, SAID, "", f"{title}. {about[:_SAID_CHARACTERS]} {words}")
    for number, section in enumerate(runbook.sections[:_MOST_SECTIONS]):
        embedded = f"{title}: {section.heading}. {prose(section.text)[:_SECTION_CHARACTERS]}"
        place = {"heading": section.heading, "first_line": section.first_line, "last_line": section.last_line}
        yield _view(document, runbook, SECTION, section.text, embedded, number, **place)


def _view(
    document: BaseNode, runbook: Runbook, view: str, text: str, embedded: str, number: int = 0, **more: object
) -> TextNode:  # fmt: skip
    metadata = {
        "path": runbook.path, "title": runbook.title, "view": view, "services": list(runbook.services),
        "fault_kinds": sorted(runbook.fault_kinds), "teams": list(runbook.teams), _EMBEDDED: embedded, **more,
    }  # fmt: skip
    # What BM25 reads is what a node says in LlamaIndex's EMBED mode: the meaning says every word, the others none.
    name = point_id(runbook.path, view, number)
    node = TextNode(id_=name, text=text, metadata=metadata, text_template="{content}" if view == MEANING else " ")
    # LlamaIndex heeds the template only where some metadata is left to embed.
    node.excluded_embed_metadata_keys = [key for key in metadata if key != "view"]
    node.relationships[NodeRelationship.SOURCE] = document.as_related_node_info()
    return node
