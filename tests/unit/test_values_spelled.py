"""Texts as the field spells values: amounts, dates, instants, flags and nothing, each read as the contract says."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from orchestration.base.settings import PROJECT
from orchestration.contracts import Column, ContractError
from orchestration.contracts.model import NumberSpelling
from orchestration.ingest.amounts import number_sql
from orchestration.ingest.sample import try_sample
from orchestration.reporting.terminal.feeds_shown import print_contract, print_trial
from tests.support.small_site import DAY, HEADER, SmallSite, line


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallSite:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    return SmallSite(tmp_path)


def read(site: SmallSite, column: str, *texts: str, sql: str = "") -> list[Any]:
    """What becomes of texts in a column: the value, or the reason for which its row is in quarantine."""
    good = "".join(line(100 + n) for n in range(len(texts) + 10))
    site.drop(HEADER + "".join(line(n, **{column: f'"{text}"'}) for n, text in enumerate(texts)) + good)
    receipt = site.ingest()
    assert receipt.refusal is None
    found = dict(site.rows(receipt, f"charge_id, {sql or column}"))
    found |= {json.loads(row.masked_row)["charge_id"]: row.reasons[0] for row in site.bad_rows()}
    return [found[f"C{n}"] for n in range(len(texts))]


def _examples() -> list[Any]:
    """The rows of the table of examples in docs/feeds.md: what the contract says, of which type, a text, the value."""
    page = (PROJECT / "docs" / "feeds.md").read_text("utf-8")
    table = page.partition("| the contract says | of a | text | in raw |\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in row.strip("| ").split(" | ")] for row in table.splitlines()[1:]]
    return [pytest.param(*([""] * (4 - len(row)) + row), id=" ".join(row)) for row in rows]


@pytest.mark.parametrize(("said", "kind", "text", "value"), _examples())
def test_every_example_of_the_documentation_is_true(
    site: SmallSite, said: str, kind: str, text: str, value: str
) -> None:
    options = yaml.safe_load("{" + said.removeprefix("of the column:").strip(" `") + "}")
    is_of_column = said.startswith("of the column:")
    if not is_of_column:
        site.options = options
    named = {"name": "value", "logicalType": kind, "required": False}
    site.columns = [
        {"name": "id", "logicalType": "string", "primaryKey": True},
        named | (options if is_of_column else {}),
    ]
    sample = site.root / "sample.csv"
    sample.write_text(f'id,value\n1,"{text.strip("`")}"\n')
    trial = try_sample(site.settings, site.feed, sample, rows=1)
    found = [row.cells["value"][1] or "null" for row in trial.good_rows] or [
        reason.removesuffix(":value") for reason in trial.receipt.reasons
    ]
    assert found == [value.strip("`")]


BAD = "BAD_QUANTITY:amount"


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        (
            {},
            {
                "5000.00": 5000, "5.00": 5, "0.000": 0, "5000.000": 5000, "-12.0": -12, "５０００": 5000,
                "−1234": -1234, "－１２": -12, "٣٤": 34, "1234\u00a0": 1234, "5.000": BAD, "5000.50": BAD,
                "5.": BAD, "1.0E+03": BAD,
                "1234-": BAD, "(1234)": BAD, "₩1234": BAD, "1,234": BAD,
            },
        ),
        (
            {"thousandsSeparator": ",", "currencySigns": ["₩", "원", "KRW"], "negative": ["trailing", "parentheses"]},
            {
                "1,234-": -1234, "(1,234)": -1234, "₩1,234": 1234, "-₩1,234": -1234, "(₩1,234)": -1234, "￦1,234": 1234,
                "1,234원": 1234, "KRW 1,234": 1234, "1,234 KRW": 1234, "1,234.00-": -1234, "５，０００": 5000,
                "(-1)": BAD, "-1-": BAD, "12₩34": BAD, "1,23": BAD, "$1": BAD, "()": BAD, "-": BAD,
            },
        ),
        (
            {"thousandsSeparator": ",", "grouping": [3, 2]},
            {"12,34,567": 1234567, "1,234": 1234, "1,00,00,000": 10000000, "1234567": 1234567, "1,234,567": BAD},
        ),
        ({"thousandsSeparator": " "}, {"1 234": 1234, "1\u202f234": 1234, "1\u00a0234 567": 1234567, "12 34": BAD}),
        ({"thousandsSeparator": ".", "decimalSeparator": ","}, {"5.000": 5000, "5.000,00": 5000, "5,5": BAD}),
    ],
    ids=["plain", "money", "lakh", "spaces", "comma"],
)  # fmt: skip
def test_an_amount_is_read_as_the_contract_spells_it_or_not_at_all(
    site: SmallSite, options: dict[str, Any], texts: dict[str, Any]
) -> None:
    site.options = options
    site.columns[2] = {"name": "amount", "logicalType": "integer"}
    assert dict(zip(texts, read(site, "amount", *texts), strict=True)) == texts


def test_pounds_and_pence_are_read_with_their_sign_before_or_behind(site: SmallSite) -> None:
    site.options = {"thousandsSeparator": ",", "currencySigns": ["£", "GBP"]}
    site.columns[2] = {"name": "amount", "logicalType": "integer", "minorUnits": 2}
    expected = {
        "£12.34": 1234, "12.34 GBP": 1234, "12.34": 1234, "£ 1,234.50": 123450, "-£0.99": -99, "GBP 12": 1200,
        "£12.345": BAD, "€12.34": BAD,
    }  # fmt: skip
    assert dict(zip(expected, read(site, "amount", *expected), strict=True)) == expected


def test_a_double_keeps_what_it_can_hold_and_is_read_with_an_exponent(site: SmallSite) -> None:
    site.columns[2] = {"name": "amount", "logicalType": "number", "physicalType": "DOUBLE"}
    expected = {
        "0.081363123456": 0.081363123456, "0.00004": 0.00004, "123456789012345": 123456789012345.0, "1e-7": 1e-7,
        "-1.5E+03": -1500.0, "e3": BAD, "1e": BAD, "1e999": BAD,
    }  # fmt: skip
    assert dict(zip(expected, read(site, "amount", *expected), strict=True)) == expected


def test_decimals_that_a_type_has_no_room_for_are_quarantined_and_trailing_zeros_are_not(site: SmallSite) -> None:
    site.columns[2] = {"name": "amount", "logicalType": "number"}
    expected = {
        "0.00004": BAD, "1.23456": BAD, "1.0029999999999999": BAD, "1.50000000": Decimal("1.5"), "999999999999999": BAD,
        "99999999999999.9999": Decimal("99999999999999.9999"), "99999999999999.99999": BAD, "−0.5": Decimal("-0.5"),
    }  # fmt: skip
    assert dict(zip(expected, read(site, "amount", *expected), strict=True)) == expected
    site.columns[2]["physicalType"] = "NUMERIC(18)"
    assert read(site, "amount", "5000.50", "5000.00") == [BAD, 5000]
    site.columns[2] = {"name": "amount", "logicalType": "integer", "minorUnits": 2}
    assert read(site, "amount", "12.345", "12.340", "12.3", "12") == [BAD, 1234, 1230, 1200]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.decimals(-999_999_999, 999_999_999, places=6), min_size=1, max_size=40),
    st.sampled_from(["DECIMAL(18,4)", "DECIMAL(9,0)", "BIGINT", "DOUBLE"]),
)
def test_whatever_is_read_of_a_number_is_what_stands_there(numbers: list[Decimal], type_: str) -> None:
    column = Column("n", type_, False, "", ("n",))
    value = number_sql(column, "text", NumberSpelling())
    texts = [f"{number:f}" for number in numbers]
    rows = duckdb.execute(f"select text, {value} from (select unnest($1) as text)", [texts]).fetchall()
    for text, found in rows:
        assert found is None or (float(text) if type_ == "DOUBLE" else Decimal(text)) == found
        decimals = len(text.rstrip("0").partition(".")[2])
        assert (found is not None) == (column.scale is None or decimals <= column.scale)


@pytest.mark.parametrize(
    ("column", "total", "said"),
    [
        ({"logicalType": "number"}, "15.75", None),
        ({"logicalType": "number"}, "15.7500", None),
        ({"logicalType": "number"}, "16", "amount adds up to 15.7500, but to 16 in _manifest.json"),
        ({"logicalType": "number", "physicalType": "DOUBLE"}, "15.75", None),
        ({"logicalType": "integer", "minorUnits": 2}, "15.75", None),
        ({"logicalType": "integer", "minorUnits": 2}, "1575", "amount adds up to 15.75, but to 1575 in _manifest.json"),
    ],
)
def test_control_totals_are_compared_exactly_in_the_unit_of_the_file(
    site: SmallSite, column: dict[str, Any], total: str, said: str | None
) -> None:
    site.columns[2] = {"name": "amount", **column}
    site.drop(HEADER + line(1, amount="10.25") + line(2, amount="5.50"))
    manifest = f'{{"files": [{{"name": "charges.csv", "control_totals": {{"amount": {total}}}}}]}}'
    (site.folder() / "_manifest.json").write_text(manifest)
    receipt = site.ingest()
    assert (receipt.refusal or "").partition(": ")[2] == (said or "")
    assert said or receipt.totals["amount"] == Decimal("15.75")


def test_a_control_total_keeps_every_digit_that_its_manifest_has(site: SmallSite) -> None:
    site.columns[2] = {"name": "amount", "logicalType": "number", "physicalType": "DECIMAL(30,2)"}
    site.drop(HEADER + line(1, amount="12345678901234567890.75"))
    manifest = site.folder() / "_manifest.json"
    manifest.write_text('{"files": [{"name": "charges.csv", "control_totals": {"amount": 12345678901234567890.74}}]}')
    assert "to 12345678901234567890.74 in _manifest.json" in str(site.ingest().refusal)
    manifest.write_text('{"files": [{"name": "charges.csv", "control_totals": {"amount": 12345678901234567890.75}}]}')
    assert site.ingest().refusal is None


BAD_DATE, BAD_INSTANT = "BAD_DATE:charged_on", "BAD_INSTANT:charged_at"
NINE = datetime(2026, 1, 3, 0)  # nine in the morning in Seoul, in UTC


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        (
            {"timestampFormat": ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]},
            {
                "2026-01-03T00:00:00Z": NINE, "2026-01-03T00:00:00z": NINE, "2026-01-03T09:00:00+09": NINE,
                "2026-01-03T09:00:00+09:00": NINE, "2026-01-03T09:00:00+0900": NINE, "2026-01-03 09:00:00": NINE,
                "2026-01-03 24:00:00": BAD_INSTANT, "2026-01-03 23:59:60": BAD_INSTANT,
                "0026-01-03 09:00:00": BAD_INSTANT,
                "9999-12-31 23:59:59": datetime(9999, 12, 31, 14, 59, 59), "0000-00-00 00:00:00": BAD_INSTANT,
            },
        ),
        ({"timestampFormat": "%d.%m.%Y %H:%M %z"}, {"03.01.2026 00:00 Z": NINE, "03.01.2026 09:00 +0900": NINE}),
        (
            {},  # what a contract that says nothing reads
            {
                "2026-01-03T00:00:00Z": NINE, "2026-01-03T09:00:00.000+09:00": NINE, "2026-01-03T09:00:00": NINE,
                "2026-01-03 00:00:00.123456Z": NINE.replace(microsecond=123456), "2026-01-03T24:00:00": BAD_INSTANT,
                "1767398400": BAD_INSTANT, "20260103": BAD_INSTANT,
            },
        ),
        (
            {"timestampFormat": ["%Y%m%d%H%M%S", "%Y-%m-%dT%H:%M:%S%z"], "midnightAs24": True},
            {
                "20260102240000": datetime(2026, 1, 2, 15), "2026-01-02T24:00:00Z": datetime(2026, 1, 3),
                "2026-01-02T24:00:00+09:00": datetime(2026, 1, 2, 15), "20260102240001": BAD_INSTANT,
            },
        ),
    ],
    ids=["offset", "other order", "ISO", "24:00"],
)  # fmt: skip
def test_an_instant_is_read_with_its_offset_or_in_the_sites_time(
    site: SmallSite, options: dict[str, Any], texts: dict[str, Any]
) -> None:
    assert _instants(site, options, texts) == texts


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        ("epoch_s", {"1767398400": NINE, "1767398400.5": NINE.replace(microsecond=500_000), "": None}),
        ("epoch_ms", {"1767398400000": NINE, "1767398400": BAD_INSTANT, "17e11": BAD_INSTANT}),
        (["epoch_us", "iso8601"], {"1767398400000001": NINE.replace(microsecond=1), "2026-01-03T00:00:00Z": NINE}),
    ],
    ids=["seconds", "milliseconds", "microseconds"],
)
def test_an_instant_may_be_a_count_since_1970(site: SmallSite, form: Any, texts: dict[str, Any]) -> None:
    assert _instants(site, {"timestampFormat": form}, texts) == texts


def _instants(site: SmallSite, options: dict[str, Any], texts: Iterable[str]) -> dict[str, Any]:
    """What becomes of each text: the instant in UTC, or the reason for which its row is in quarantine."""
    site.options = options
    site.columns[-1]["required"] = False
    blank = "".join(line(100 + n, charged_at="") for n in range(20))
    site.drop(HEADER + "".join(line(n, charged_at=text) for n, text in enumerate(texts)) + blank)
    receipt = site.ingest()
    found = dict(site.rows(receipt, "charge_id, timezone('UTC', charged_at)"))
    found |= {json.loads(row.masked_row)["charge_id"]: row.reasons[0] for row in site.bad_rows()}
    return {text: found[f"C{n}"] for n, text in enumerate(texts)}


def test_far_dates_are_dates_and_no_day_is_none(site: SmallSite) -> None:
    site.options = {"dateFormat": ["%Y-%m-%d", "%Y%m%d"]}
    expected = {
        "2024-02-29": date(2024, 2, 29), "9999-12-31": date(9999, 12, 31), "99991231": date(9999, 12, 31),
        "2026-02-29": BAD_DATE, "0000-00-00": BAD_DATE, "1899-12-30": BAD_DATE, "2026-01-03 00:00:00": BAD_DATE,
    }  # fmt: skip
    assert dict(zip(expected, read(site, "charged_on", *expected), strict=True)) == expected


def test_a_day_with_an_offset_is_the_day_that_stands_there(site: SmallSite) -> None:
    site.options = {"dateFormat": ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %z"]}
    expected = {
        "2026-01-03T23:00:00Z": DAY, "2026-01-03T00:00:00-05:00": DAY, "2026-01-03 +0900": DAY, "2026-01-03Z": DAY,
        "2026-01-03T00:00:00": BAD_DATE,
    }  # fmt: skip
    assert dict(zip(expected, read(site, "charged_on", *expected), strict=True)) == expected


def test_a_day_that_stands_for_no_end_is_null_in_every_spelling_of_the_contract(site: SmallSite) -> None:
    site.options = {"dateFormat": ["%Y-%m-%d", "%Y%m%d"]}
    site.columns[5] |= {"required": False, "openEnd": ["9999-12-31", "29991231"]}
    assert read(site, "charged_on", "9999-12-31", "99991231", "2999-12-31", "9999-12-30", "never") == [
        None, None, None, date(9999, 12, 30), BAD_DATE,
    ]  # fmt: skip


def test_marks_for_nothing_are_null_by_feed_and_by_column(site: SmallSite) -> None:
    site.options = {"nullValues": ["\\N", "NULL", "N/A", "-"]}
    assert read(site, "note", "\\N", "NULL", "N/A", "-", " - ", "null", "ok") == [None] * 5 + ["null", "ok"]
    assert read(site, "is_paid", "\\N", "-", "NaN") == [None, None, "BAD_FLAG:is_paid"]
    assert read(site, "charged_at", "\\N") == ["EMPTY:charged_at"]
    site.columns[4]["nullValues"] = ["none"]
    assert read(site, "note", "none", "-") == [None, "-"]
    site.columns[4]["nullValues"] = []
    assert read(site, "note", "NULL") == ["NULL"]


def test_a_mark_for_nothing_does_not_satisfy_a_rule_that_asks_for_something(site: SmallSite) -> None:
    site.options = {"nullValues": ["\\N"]}
    site.rules = [{"name": "NOTE_MISSING", "implementation": "note is not null", "type": "custom", "engine": "duckdb"}]
    assert read(site, "note", "\\N", "ok") == ["NOTE_MISSING", "ok"]


def test_a_value_that_becomes_nothing_is_null(site: SmallSite) -> None:
    site.columns[4]["values"] = {"X": "", "Z": None, "Y": "yes"}
    assert read(site, "note", "X", "Z", "Y") == [None, None, "yes"]
    site.columns[4]["required"] = True
    assert read(site, "note", "X", "Y") == ["EMPTY:note", "yes"]


def test_a_column_that_no_file_has_is_the_same_in_each_row_and_one_that_nobody_wants_is_not_told(
    site: SmallSite,
) -> None:
    site.options = {"ignored": ["Is Paid", "note"]}
    site.columns[3:5] = [
        {"name": "kind", "logicalType": "string", "enum": [{"value": "HANDSET"}], "constant": "HANDSET"},
        {"name": "fee", "logicalType": "integer", "constant": 100},
    ]
    site.drop((HEADER + line(1)).replace("is_paid", " is  paid"))
    receipt = site.ingest()
    assert (receipt.refusal, receipt.unknown_columns) == (None, [])
    assert site.rows(receipt, "kind, fee") == [("HANDSET", 100)]


def test_a_flag_is_one_of_the_usual_words_or_of_the_contracts(site: SmallSite) -> None:
    del site.columns[3]["values"]
    words = ("true", "T", "Yes", "y", "1", "FALSE", "f", "no", "N", "0", "X", "2")
    assert read(site, "is_paid", *words) == [True] * 5 + [False] * 5 + ["BAD_FLAG:is_paid"] * 2
    site.columns[3]["values"] = {"Y": "true", "N": "false"}
    assert read(site, "is_paid", "Y", "N", "1") == [True, False, "BAD_FLAG:is_paid"]


@pytest.mark.parametrize(
    ("options", "column", "said"),
    [
        (
            {"timestampFormat": "%Y-%m-%dT%H:%M:%SZ"},
            {},
            "'Z' would be passed over and the time read as local; write %z",
        ),
        ({"timestampFormat": "%Y-%m-%d %H:%M:%S KST"}, {}, "'KST' would be passed over"),
        ({"timestampFormat": "%Y-%m-%d %H:%M:%S+09:00"}, {}, "'+09:00' would be passed over"),
        ({"dateFormat": "%Y-%m-%dT%H:%M:%SZ"}, {}, "'Z' would be passed over"),
        ({"timestampFormat": "yyyy-MM-dd HH:mm:ss"}, {}, "names no year; did you mean '%Y-%m-%d %H:%M:%S'?"),
        ({"dateFormat": "DD/MM/YYYY"}, {}, "names no year; did you mean '%d/%m/%Y'?"),
        ({"dateFormat": "%Y-%M-%d"}, {}, "names the minute but no month"),
        ({"timestampFormat": "%Y-%m-%d %H:%m:%S"}, {}, "%m stands twice"),
        ({"timestampFormat": "%Y-%m-%d %I:%M:%S"}, {}, "does not read back what it writes"),
        ({"timestampFormat": ["epoch_s", "epoch_ms"]}, {}, "a count cannot be told from another"),
        ({"negative": "brackets"}, {}, "'brackets' is none of trailing, parentheses"),
        ({"grouping": [0]}, {}, "[0] is not a list of digits per group"),
        ({"nullValues": ["NULL", None]}, {}, "None: YAML reads this as no text; put it in quotes"),
        ({"midnightAs24": "yes"}, {}, "'yes' is neither true nor false"),
        ({}, {"physicalType": "DECIMAL(40,2)"}, "physicalType: "),
        ({}, {"enum": [{"value": "-"}], "nullValues": ["-"]}, "'-' is a value of the column too"),
        ({}, {"enum": [{"value": "A"}], "constant": "B"}, "'B' is none of A"),
        ({}, {"classification": "pii", "constant": "B"}, "a personal column has a value of its own"),
        ({}, {"sourceHeader": "b", "constant": "B"}, "a column with a sourceHeader is read from the file"),
        ({}, {"openEnd": "9999-12-31"}, "'9999-12-31' is not a day, such as 9999-12-31, or the column is no date"),
        ({}, {"logicalType": "date", "openEnd": "9999-12-31"}, "raw keeps null for no end: required: false"),
    ],
)
def test_a_contract_that_would_misread_is_refused_by_line(
    site: SmallSite, options: dict[str, Any], column: dict[str, Any], said: str
) -> None:
    site.options = options
    site.columns.append({"name": "extra", "logicalType": "string"} | column)
    with pytest.raises(ContractError) as caught:
        assert site.feed
    (problem,) = caught.value.problems
    number = int(problem.removeprefix(f"{site.contract}, line ").partition(":")[0])
    assert said in problem
    place = problem.split(": ")[1].rpartition(".")[2]
    assert place in "".join(site.contract.read_text().splitlines()[number - 3 : number]) or "extra" in problem


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("\nschema:", "\nstatus: retired\nschema:"), "'status' stands twice"),
        (("property: encoding", "property: encoding\n  value: utf-16\n- property: encoding"), "encoding: said twice"),
        (("value: cp949", "value: 2026-02-30"), "not YAML: day is out of range for month"),
    ],
)
def test_what_a_contract_says_twice_or_cannot_mean_is_named_by_line(
    site: SmallSite, change: tuple[str, str], said: str
) -> None:
    site.options = {"encoding": "cp949"}
    assert site.feed
    site.contract.write_text(site.contract.read_text().replace(*change, 1))
    from orchestration.contracts import load_feed

    with pytest.raises(ContractError, match=r"charges\.yaml, line [0-9]+: ") as caught:
        load_feed(site.contract)
    assert said in str(caught.value)


def test_the_check_shows_accepted_rows_beside_their_text_and_masks_what_is_personal(site: SmallSite) -> None:
    site.options = {"timestampFormat": "%Y-%m-%dT%H:%M:%S%z"}
    site.columns[2]["minorUnits"] = 2
    sample = site.root / "sample.csv"
    sample.write_text(HEADER + line(1, amount="12.50", charged_at="2026-01-03T00:00:00Z") + line(2))
    console = Console(record=True, width=100)
    print_contract(console, site.feed)
    print_trial(console, try_sample(site.settings, site.feed, sample, dt=DAY, rows=1))
    shown = " ".join(console.export_text().split())
    for said in (
        "msisdn a phone number", "amount a whole number (BIGINT, delivered with 2 decimals)",
        "is_paid a flag (one of N, Y) may be empty",
        "accepted, 1 of 1, under 2026-01-03:", "amount 12.50 → 1250", "msisdn ###-####-#### → ***",
        "charged_at 2026-01-03T00:00:00Z → 2026-01-03 09:00:00+09",
    ):  # fmt: skip
        assert said in shown
    assert "1234-0001" not in shown


def test_the_check_says_what_is_odd_about_a_file_and_shows_a_decimal_without_the_zeros_of_its_type(
    site: SmallSite,
) -> None:
    """Ten thousand with four decimals has the digits of a phone number, and would be masked."""
    site.options = {"encoding": "cp949"}
    site.columns[2] |= {"logicalType": "number", "physicalType": "DECIMAL(18,4)"}
    sample = site.root / "sample.csv"
    sample.write_bytes(b"\xef\xbb\xbf" + (HEADER + line(1, amount="10000")).encode().rstrip())
    console = Console(record=True, width=100)
    print_trial(console, try_sample(site.settings, site.feed, sample, dt=DAY, rows=1))
    shown = " ".join(console.export_text().split())
    for said in (
        "amount 10000 → 10000 ", "sample.csv: read as utf-8, as its byte order mark says",
        "sample.csv: its last line does not end, so it may have been cut",
    ):  # fmt: skip
        assert said in shown
