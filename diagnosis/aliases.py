"""Names of one thing: a client's view of a service, and the service itself.

Tracing systems make a node of each peer that a caller names (a load balancer's host, ``checkout_client``). Such a
node has no telemetry of its own; whatever it shows is the service behind it, or the way there.
"""

import re
from collections.abc import Iterable

from diagnosis.telemetry import Topology

_VIEW_WORDS = frozenset("client remote elb alb nlb upstream outbound egress proxy lb vip".split())
_LEAST_LETTERS = 5  # of a name's word that points to another name


def aliases_of(names: Iterable[str], topology: Topology) -> dict[str, str]:
    """From each client-side view to the entity that it shows, where exactly one fits.

    A view is recognised by a word of its name. It shows the service that it calls, if it calls one only; else the only
    service whose name contains a telling word of the view's own first label.
    """
    everyone = sorted(set(names) | {node.name for node in topology.nodes})
    views = {name for name in everyone if _words(name) & _VIEW_WORDS}
    real = [name for name in everyone if name not in views]
    found = {}
    for view in sorted(views):
        callees = sorted(topology.callees(view) - views)
        fitting = callees if len(callees) == 1 else _named(view, real)
        if len(fitting) == 1:
            found[view] = fitting[0]
    return found


def _named(view: str, real: list[str]) -> list[str]:
    """The names that words of the view's first label point to; a word in several names is a common one, and no hint."""
    label = re.split(r"[.:/]", view.lower())[0]
    words = [word for word in re.split(r"[^a-z0-9]+", label) if len(word) >= _LEAST_LETTERS and word not in _VIEW_WORDS]
    fitting = [[name for name in real if word in name.lower()] for word in words]
    return sorted({names[0] for names in fitting if len(names) == 1})


def _words(name: str) -> frozenset[str]:
    return frozenset(re.split(r"[^a-z0-9]+", name.lower()))
