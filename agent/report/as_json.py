"""The report as JSON, and its published schema."""

import json
import math
import re
import sys
from pathlib import Path
from typing import Any

from agent.report.model import Report

SCHEMA_ID = "urn:probable-cause:report:1"
# What acts on a terminal or on a reader's eye, and what UTF-8 cannot hold. Escaped it is still the same text.
_ACTING = re.compile("[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]")


def render_json(report: Report) -> str:
    """Sorted keys, two spaces; money as text; times as epoch seconds; a number that is none (NaN, infinity) is null.

    Lossless, and inert where it is printed: control and direction characters are escaped.
    """
    text = json.dumps(
        finite(report.model_dump(mode="json")), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False
    )
    return _ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)  # fmt: skip


def finite(value: object) -> object:
    """The value with numbers that JSON does not know (NaN, infinities) as None."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: finite(item) for key, item in value.items()}
        case list():
            return [finite(item) for item in value]
        case _:
            return value


def report_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of ``render_json``'s output."""
    schema = Report.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **schema, "title": "Report"}


def main(path: Path) -> None:
    """Write the schema: ``python -m agent.report.as_json docs/report.schema.json``."""
    path.write_text(json.dumps(report_schema(), indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
