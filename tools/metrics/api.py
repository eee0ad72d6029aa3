"""The HTTP API of Prometheus (also as Thanos, Mimir and VictoriaMetrics speak it), with answers as arrays."""

import copy
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import numpy as np
import orjson
import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException

from diagnosis.telemetry import Floats
from tools.http.adapter import mount, session
from tools.http.connection import Connection
from tools.http.errors import BackendError
from tools.http.guard import Guard
from tools.metrics.promql import Match, all_of
from tools.metrics.weighing import Span

_STATUS = re.compile(r"HTTP Status Code (\d+) \(b?['\"](.*)['\"]\)", re.DOTALL)
_SAID = re.compile(r'"error"\s*:\s*"((?:[^"\\]|\\.)*)')

T = TypeVar("T")


class NotOffered(BackendError):  # noqa: N818 - a state, named as one reads it
    """This kind of server has no such part of the API."""


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """One series of an answer: times (epoch seconds) and values have shape (samples,); infinities are NaN."""

    labels: Mapping[str, str]
    times: Floats
    values: Floats


class PrometheusApi:
    """Asks through the guard of the connection. Everything raises ``BackendError`` where no usable answer comes.

    ``warnings`` are what the servers said about answers that are not whole: Thanos warns, VictoriaMetrics calls them
    partial. Nothing at all with a warning is no usable answer: what is there may lie where nobody could look.
    """

    def __init__(self, connection: Connection, guard: Guard) -> None:
        made = session(connection, guard)
        self._client = PrometheusConnect(url=connection.url, session=made)
        mount(made, connection, guard)  # the client has put an adapter of its own in front of ours
        made.hooks["response"].append(self._decoded)
        self._heard = threading.local()  # what the answer to this thread's question said beside its data
        self.warnings: list[str] = []
        self._session, self._url = made, connection.url
        self.name, self.guard, self.at_once = connection.name, guard, connection.at_once

    def for_one_answer(self) -> "PrometheusApi":
        """The same, with ``warnings`` of its own."""
        api = copy.copy(self)
        api.warnings = []
        return api

    def names(self, start: float, end: float, matches: Sequence[Match] = ()) -> tuple[str, ...]:
        """Metric names of series that match, between two times (epoch seconds)."""
        bounds: dict[str, object] = {"start": start, "end": end}
        if matches:
            bounds["match[]"] = all_of(matches)
        return self._ask(lambda: _texts(self._client.get_label_values("__name__", params=bounds)))

    def types(self) -> Mapping[str, str]:
        """Metric name to type, as the scraped targets declare them; empty where the server keeps none."""
        try:
            return self._ask(lambda: {row["metric_name"]: row["type"] for row in self._client.get_metric_metadata("")})
        except NotOffered:
            return {}

    def series(self, selector: str, start: float, end: float) -> tuple[Mapping[str, str], ...]:
        """The label sets that match, between two times (epoch seconds)."""
        first, last = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)

        def ask() -> tuple[Mapping[str, str], ...]:
            found = self._client.get_series(first, last, params={"match[]": selector})
            return tuple({str(k): str(v) for k, v in labels.items()} for labels in found)

        return self._ask(ask)

    def query_range(self, query: str, span: Span) -> tuple[Sampled, ...]:
        """The series of a query that was weighed before."""
        first, last = datetime.fromtimestamp(span.start, UTC), datetime.fromtimestamp(span.end, UTC)

        def ask() -> tuple[Sampled, ...]:
            found = self._client.custom_query_range(query, first, last, f"{span.step:g}")
            return tuple(_sampled(one) for one in found if isinstance(one, dict) and "values" in one)

        return self._ask(ask)

    def targets(self) -> Sequence[Mapping[str, Any]]:
        """The active scrape targets. Raises ``NotOffered`` where the server scrapes nothing itself."""
        return self._ask(lambda: _objects(self._client.get_targets("active")["activeTargets"]))

    def rules(self) -> Sequence[Mapping[str, Any]]:
        """All alerting rules, with their alerts. Raises ``NotOffered``."""

        def ask() -> Sequence[Mapping[str, Any]]:
            found = self._get("/api/v1/rules", {"type": "alert"})
            return _objects([rule for group in found["groups"] for rule in group["rules"]])

        return self._ask(ask)

    def exemplars(self, selector: str, start: float, end: float) -> Sequence[Mapping[str, Any]]:
        """Exemplars by series. Raises ``NotOffered``."""
        bounds = {"query": selector, "start": f"{start:.3f}", "end": f"{end:.3f}"}
        return self._ask(lambda: _objects(self._get("/api/v1/query_exemplars", bounds)))

    def _get(self, path: str, parameters: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
        answer = self._session.get(f"{self._url}{path}", params=dict(parameters))
        if answer.status_code != 200:
            raise PrometheusApiClientException(f"HTTP Status Code {answer.status_code} ({answer.content!r})")
        return answer.json()["data"]

    def _ask(self, call: Callable[[], T]) -> T:
        self._heard.warnings = []
        try:
            answer = call()
        except PrometheusApiClientException as error:
            raise self._explained(str(error)) from error
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            self.guard.strike(f"{self.name} answered with JSON of another shape")
            raise BackendError(
                f"{self.name} answered with JSON that is no answer of the Prometheus API ({type(error).__name__}); "
                "check the url (with its path prefix)"
            ) from error
        except requests.exceptions.RequestException as error:
            raise BackendError(f"{self.name} cannot be asked: {str(error)[:160]}") from error
        if self._heard.warnings and not answer:
            raise BackendError(f"{self._heard.warnings[0]}, and has nothing")
        self.warnings += [said for said in self._heard.warnings if said not in self.warnings]
        return answer

    def _explained(self, text: str) -> BackendError:
        match = _STATUS.match(text)
        status, body = (match[1], match[2]) if match else ("", text)
        said = _SAID.search(body)
        reason = (said[1] if said else body)[:200]
        if status in ("404", "405", "501"):
            return NotOffered(f"{self.name} answered {status}: {reason}; check the url (with its path prefix)")
        return BackendError(f"{self.name} answered {status}: {reason}")

    def _decoded(self, answer: requests.Response, *_: object, **__: object) -> requests.Response:
        """The client calls ``json()`` of the answer, and drops what it says beside its data."""
        answer.json = partial(self._json, answer.content)  # type: ignore[method-assign]
        return answer

    def _json(self, content: bytes) -> Any:  # noqa: ANN401
        found = orjson.loads(content)  # the standard decoder takes several times as long
        if isinstance(found, dict):
            said = found.get("warnings")
            told = [str(one)[:200] for one in said] if isinstance(said, list) else []
            partial_answer = ["the answer is partial"] if found.get("isPartial") is True else []
            self._heard.warnings = [f"{self.name} warns: {one}" for one in (*told, *partial_answer)]
        return found


def _sampled(one: Mapping[str, Any]) -> Sampled:
    pairs = one["values"]
    times = np.fromiter((float(time) for time, _ in pairs), dtype=np.float64, count=len(pairs))
    values = np.fromiter((float(value) for _, value in pairs), dtype=np.float64, count=len(pairs))
    values[~np.isfinite(values)] = np.nan
    return Sampled({str(k): str(v) for k, v in one["metric"].items()}, times, values)


def _texts(found: object) -> tuple[str, ...]:
    if not isinstance(found, list):
        raise TypeError
    return tuple(str(one) for one in found)


def _objects(found: object) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise TypeError
    return tuple(found)
