"""A commit keeps every rendered page in memory, for a preview that nobody wrote, and storefront runs out of it."""

from diagnosis.findings import FaultKind, Remediation
from evals.lab.fault import Effect, Fault, Truth
from evals.lab.source_tree import CommitDraft, Edit

_KEEP_PAGES = CommitDraft(
    "Tomasz Wilk",
    "storefront: remember rendered pages for the preview",
    (
        Edit("shop/storefront.py", "\n\ndef page(", "\n_rendered: dict[str, str] = {}\n\n\ndef page("),
        Edit(
            "shop/storefront.py",
            '    html = render(products, price["cents"])\n',
            '    html = render(products, price["cents"])\n    _rendered[request.span.trace_id] = html\n',
        ),
    ),
)

FAULT = Fault(
    name="memory-leak",
    summary="storefront keeps every page that it renders",
    truth=Truth("storefront", FaultKind.MEMORY_EXHAUSTION, Remediation.ROLLBACK, _KEEP_PAGES),
    effect=Effect('process_resident_memory_bytes{service="storefront"} / process_memory_limit_bytes', above=0.7),
    inject=lambda world: world.ship(_KEEP_PAGES, "storefront"),
    undo=lambda world: world.roll_back("storefront"),
    patience_seconds=120.0,
)
