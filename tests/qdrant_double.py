"""A Qdrant server for tests: its HTTP interface, as far as the client asks here, over the client's own local engine.

The real client speaks to it over a socket, so what is sent and read is what a real server would see. It knows nothing
of a cluster, of payload indices or of keys.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter
from qdrant_client import QdrantClient
from qdrant_client.http import models


def _app(engine: QdrantClient) -> FastAPI:
    app, lock = FastAPI(), threading.Lock()

    def reply(result: object) -> JSONResponse:
        plain: Any = TypeAdapter(Any).dump_python(result, mode="json", exclude_none=True)
        return JSONResponse({"result": plain, "status": "ok", "time": 0.0})

    def parsed(request: type[Any], body: dict[str, Any]) -> Any:
        return TypeAdapter(request).validate_python(body)

    @app.exception_handler(ValueError)
    def missing(_: object, error: ValueError) -> JSONResponse:
        return JSONResponse({"status": {"error": str(error)}, "time": 0.0}, 404)

    @app.get("/")
    def version() -> dict[str, str]:
        return {"title": "qdrant - vector search engine", "version": "1.15.0"}

    @app.get("/collections")
    def collections() -> JSONResponse:
        return reply(engine.get_collections())

    @app.get("/aliases")
    def aliases() -> JSONResponse:
        return reply(engine.get_aliases())

    @app.post("/collections/aliases")
    def change_aliases(body: dict[str, Any]) -> JSONResponse:
        with lock:
            return reply(engine.update_collection_aliases(parsed(models.ChangeAliasesOperation, body).actions))

    @app.get("/collections/{name}/exists")
    def exists(name: str) -> JSONResponse:
        return reply({"exists": engine.collection_exists(name)})

    @app.get("/collections/{name}")
    def collection(name: str) -> JSONResponse:
        return reply(engine.get_collection(name))

    @app.put("/collections/{name}")
    def create(name: str, body: dict[str, Any]) -> JSONResponse:
        wanted = parsed(models.CreateCollection, body)
        with lock:
            made = engine.create_collection(
                name, vectors_config=wanted.vectors, sparse_vectors_config=wanted.sparse_vectors
            )
        return reply(made)

    @app.delete("/collections/{name}")
    def delete(name: str) -> JSONResponse:
        with lock:
            return reply(engine.delete_collection(name))

    @app.put("/collections/{name}/points")
    def upsert(name: str, body: dict[str, Any]) -> JSONResponse:
        wanted = parsed(models.PointInsertOperations, body)
        with lock:
            return reply(engine.upsert(name, wanted.batch if hasattr(wanted, "batch") else wanted.points))

    @app.post("/collections/{name}/points/delete")
    def remove(name: str, body: dict[str, Any]) -> JSONResponse:
        with lock:
            return reply(engine.delete(name, parsed(models.PointsSelector, body)))

    @app.post("/collections/{name}/points")
    def retrieve(name: str, body: dict[str, Any]) -> JSONResponse:
        wanted = parsed(models.PointRequest, body)
        with lock:
            return reply(engine.retrieve(name, wanted.ids, with_payload=True))

    @app.post("/collections/{name}/points/scroll")
    def scroll(name: str, body: dict[str, Any]) -> JSONResponse:
        wanted = parsed(models.ScrollRequest, body)
        with lock:
            found, place = engine.scroll(
                name, wanted.filter, wanted.limit or 10, offset=wanted.offset, with_payload=True, with_vectors=True
            )
        return reply({"points": found, "next_page_offset": place})

    @app.post("/collections/{name}/points/query/batch")
    def query(name: str, body: dict[str, Any]) -> JSONResponse:
        with lock:
            return reply(engine.query_batch_points(name, parsed(models.QueryRequestBatch, body).searches))

    return app


@contextmanager
def qdrant_double() -> Iterator[str]:
    """Its address."""
    engine = QdrantClient(":memory:")
    server = uvicorn.Server(uvicorn.Config(_app(engine), port=0, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        engine.close()
