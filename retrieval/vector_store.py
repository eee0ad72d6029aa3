"""The Qdrant collection as LlamaIndex writes it: in each point a dense vector for meaning, a sparse one for words."""

from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import models

from retrieval.homes import Draft
from retrieval.terms import document_vectors, query_vectors
from retrieval.vector_names import DENSE, SPARSE


def vector_store(draft: Draft) -> QdrantVectorStore:
    """Writes into the draft's collection, which it makes where it is missing. Qdrant weighs words by their rarity."""
    return QdrantVectorStore(
        draft.collection,
        client=draft.client,
        enable_hybrid=True,
        sparse_doc_fn=document_vectors,
        sparse_query_fn=query_vectors,
        sparse_config=models.SparseVectorParams(modifier=models.Modifier.IDF),
        dense_vector_name=DENSE,
        sparse_vector_name=SPARSE,
    )
