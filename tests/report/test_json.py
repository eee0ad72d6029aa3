"""JSON: the whole report, readable again, and the published schema is the one that the code has."""

import json
import math
import re
from pathlib import Path

import jsonschema
import pytest

from agent.report.as_json import render_json, report_schema
from agent.report.model import Report

PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "report.schema.json"


def test_the_published_schema_is_the_one_of_the_code():
    assert json.loads(PUBLISHED.read_text()) == report_schema(), (
        "python -m agent.report.as_json docs/report.schema.json"
    )
    jsonschema.Draft202012Validator.check_schema(report_schema())


@pytest.mark.parametrize("name", ["incident", "unsolved", "hostile"])
def test_a_report_follows_the_schema(name: str, request: pytest.FixtureRequest):
    jsonschema.Draft202012Validator(report_schema()).validate(json.loads(render_json(request.getfixturevalue(name))))


def test_a_report_reads_back_as_it_was(incident: Report):
    assert Report.model_validate_json(render_json(incident)) == incident


def test_hostile_text_is_kept_but_cannot_act_where_it_is_printed(hostile: Report):
    text = render_json(hostile)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", text)
    assert json.loads(text)["headline"] == hostile.headline


def test_a_number_that_is_none_is_null(hostile: Report):
    assert math.isnan(hostile.series[0].values[0] or 0.0)
    assert json.loads(render_json(hostile))["series"][0]["values"][:2] == [None, None]
