"""The report as JSON, and its published schema."""

import json
import sys
from pathlib import Path
from typing import Any

from agent.state import Report

SCHEMA_ID = "urn:probable-cause:report:1"


def render_json(report: Report) -> str:
    """Sorted keys, two spaces; money as text; times as epoch seconds."""
    return json.dumps(report.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False)


def report_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of ``render_json``'s output."""
    schema = Report.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **schema, "title": "Report"}


def main(path: Path) -> None:
    """Write the schema: ``python -m agent.report.as_json docs/report.schema.json``."""
    path.write_text(json.dumps(report_schema(), indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
