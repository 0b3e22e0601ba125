"""Contracts: what is wrong with one is said with its file and place, all of it at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestration.base.settings import Settings
from orchestration.contracts import ContractError, load_feeds
from tests.support.small_site import SmallSite


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    return SmallSite(tmp_path)


def problems(site: SmallSite) -> list[str]:
    with pytest.raises(ContractError) as caught:
        assert site.feed
    return caught.value.problems


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"encoding": "klingon"}, "customProperties.encoding: Python knows no 'klingon'"),
        ({"delimiter": "|||||"}, "customProperties.delimiter: '|||||' is not one to four bytes"),
        ({"delimiter": "|a|"}, "customProperties.delimiter: '|a|' is not one to four bytes"),
        ({"escape": ","}, "customProperties.escape: ',' is the delimiter too"),
        ({"skipLines": "two"}, "customProperties.skipLines: 'two' is not a whole number of 0 or more"),
        ({"skipLines": 1.5}, "customProperties.skipLines: 1.5 is not a whole number of 0 or more"),
        ({"latenessDays": 0.5}, "customProperties.latenessDays: 0.5 is not a whole number of 0 or more"),
        ({"latenessDays": True}, "customProperties.latenessDays: True is not a whole number of 0 or more"),
        ({"trailer": ["T|{rows}|{rows}"]}, "customProperties.trailer: {rows} can stand in one place only"),
        ({"trailer": "*"}, "customProperties.trailer: what each line begins with"),
        ({"suffixes": ["txt"]}, "customProperties.suffixes: 'txt' is not the end of a name"),
        ({"delimiter": ";", "quote": ";"}, "customProperties.delimiter: ';' is the quote too"),
        ({"decimalSeparator": ",", "thousandsSeparator": ","}, "',' is the thousandsSeparator too"),
        ({"dateFormat": "%Q"}, "customProperties.dateFormat: '%Q'"),
        ({"delivery": "weekly"}, "customProperties.delivery: 'weekly' is neither 'append' nor 'full'"),
        ({"tolerancePct": "five"}, "customProperties.tolerancePct: 'five' is not a number of 0 or more"),
        ({"eventTime": "when"}, "customProperties.eventTime: there is no date or timestamp 'when'"),
        ({"seperator": ";"}, "customProperties: 'seperator' is unknown"),
    ],
)
def test_a_wrong_option_is_named_with_its_place(site: SmallSite, options: dict[str, Any], said: str) -> None:
    site.options = options
    (problem,) = problems(site)
    assert problem.startswith(f"{site.contract}, line ")
    assert said in problem


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ({"logicalType": "money"}, "properties.extra.logicalType: 'money' is none of string, integer"),
        ({"physicalType": "GEOMETRY"}, "properties.extra.physicalType: 'GEOMETRY' is not a type of raw"),
        ({"requierd": False}, "properties.extra: 'requierd' is not a key of the standard; did you mean 'required'?"),
        ({"pseudonym": "number"}, "properties.extra.pseudonym: one of number, line, person, age_band, and with class"),
        ({"minorUnits": 2}, "properties.extra.minorUnits: 2 is not the decimals"),
        ({"minorUnits": True, "logicalType": "integer"}, "properties.extra.minorUnits: True is not the decimals"),
        ({"values": {True: "x"}}, "properties.extra.values: True: YAML reads this as no text; put it in quotes"),
        (
            {"values": {"a": "b"}, "enum": [{"value": "c"}]},
            "properties.extra.values: 'a' becomes 'b', which is none of",
        ),
        ({"logicalTypeOptions": {"pattern": "("}}, "properties.extra.logicalTypeOptions.pattern: "),
        ({"logicalTypeOptions": {"minimum": 1}}, "minimum and maximum are for numbers"),
        ({"logicalTypeOptions": {"maxLength": 1}}, "'maxLength' is not checked; known are pattern, minimum, maximum"),
        ({"name": "dt"}, "properties.dt: a name is small letters, digits and _, and none of dt, rev"),
        ({"name": "note"}, "schema.0.properties: raw would hold two columns 'note'"),
        ({"primaryKey": True}, "two columns have the same primaryKeyPosition"),
    ],
)
def test_a_wrong_column_is_named_with_its_place(site: SmallSite, column: dict[str, Any], said: str) -> None:
    site.columns.append({"name": "extra", "logicalType": "string"} | column)
    assert any(said in problem for problem in problems(site)), problems(site)


def test_a_row_rule_that_cannot_be_computed_is_the_contracts_mistake(site: SmallSite) -> None:
    site.rules = [{"name": "SOLD", "implementation": "amuont > 0", "type": "custom", "engine": "duckdb"}]
    (problem,) = problems(site)
    assert 'schema.0.quality.0 (SOLD): Binder Error: Referenced column "amuont" not found' in problem


def test_every_mistake_is_found_at_once(site: SmallSite) -> None:
    site.options = {"encoding": "klingon", "delivery": "weekly"}
    site.columns[2]["logicalType"] = "money"
    assert len(problems(site)) >= 3


def test_a_file_that_is_no_contract_is_named(site: SmallSite) -> None:
    assert site.feed
    site.contract.write_text("{")
    with pytest.raises(ContractError, match=r"charges\.yaml, line 1: not YAML"):
        load_feeds(Settings(site=site.root / "site"))
    site.contract.write_text("kind: DataContract\nshema: []\n")
    with pytest.raises(ContractError, match=r"charges\.yaml, line "):
        load_feeds(Settings(site=site.root / "site"))
