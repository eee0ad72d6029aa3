"""The Qdrant collection as LlamaIndex writes it: in each point a dense vector for meaning, a sparse one for words."""

from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import models

from retrieval.homes import Draft
from retrieval.points import DENSE, SPARSE
from retrieval.terms import document_vectors, query_vectors


def vector_store(draft: Draft) -> QdrantVectorStore:
    """Writes into the draft's collection, which it makes where it is missing. Qdrant weighs words by their rarity."""
    return QdrantVectorStore(
        draft.collection,
        client=draft.client,
        enable_hybrid=True,
        index_doc_id=False,  # some thousand points need no payload index, and the local client has none
        sparse_doc_fn=document_vectors,
        sparse_query_fn=query_vectors,
        sparse_config=models.SparseVectorParams(modifier=models.Modifier.IDF),
        dense_vector_name=DENSE,
        sparse_vector_name=SPARSE,
    )
