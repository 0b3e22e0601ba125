"""Layouts that real sources have: no header, no key, one column for several of ours, several numbers in a row."""

from __future__ import annotations

import gzip
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.contracts import ContractError
from orchestration.ingest import ingest
from orchestration.ingest.sample import try_sample
from tests.support.small_site import COLUMNS, DAY, SmallSite, is_conserved


@pytest.fixture(autouse=True)
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def _columns(**changed: dict[str, Any]) -> list[dict[str, Any]]:
    return [column | changed.get(column["name"], {}) for column in COLUMNS]


def _mistakes(site: SmallSite) -> str:
    with pytest.raises(ContractError) as error:
        _ = site.feed
    return str(error.value)


# ---------------------------------------------------------------- one column of the file for several of ours
BOOKED = [
    {"name": "port_id", "logicalType": "string", "primaryKey": True},
    {"name": "requested_at", "logicalType": "timestamp", "sourceHeader": ["scheduled"]},
    {"name": "status_at", "logicalType": "timestamp", "sameSourceAs": "requested_at"},
    {"name": "processed_on", "logicalType": "date", "sameSourceAs": "requested_at"},
]


def test_one_column_of_a_file_is_read_for_several_of_ours_each_in_its_type(tmp_path: Path) -> None:
    site = SmallSite(tmp_path, {"dateFormat": "%Y-%m-%d %H:%M:%S"}, BOOKED)
    site.drop("port_id,scheduled\nP1,2026-01-03 09:30:00\n")
    receipt = site.ingest()
    assert site.rows(receipt, "requested_at::varchar, status_at::varchar, processed_on::varchar") == [
        ("2026-01-03 09:30:00+09", "2026-01-03 09:30:00+09", "2026-01-03")
    ]
    assert receipt.unknown_columns == []


def test_a_column_that_is_missing_is_missing_for_all_that_are_read_from_it(tmp_path: Path) -> None:
    site = SmallSite(tmp_path, columns=BOOKED)
    site.drop("port_id,planned\nP1,2026-01-03 09:30:00\n")
    assert "required columns 'requested_at', 'status_at', 'processed_on' are missing" in str(site.ingest().refusal)


def test_a_header_that_two_columns_claim_and_the_file_has_once_is_told_how_to_be_shared(tmp_path: Path) -> None:
    columns = [*BOOKED[:2], {"name": "status_at", "logicalType": "timestamp", "sourceHeader": ["Scheduled"]}]
    site = SmallSite(tmp_path, columns=columns)
    site.drop("port_id,scheduled\nP1,2026-01-03 09:30:00\n")
    said = (
        "'scheduled' is there once, and 'requested_at' is read from it; if 'status_at' is the same, write sameSourceAs"
    )
    assert said in str(site.ingest().refusal)


@pytest.mark.parametrize("other", ["nothing", "status_at", "processed_on"])
def test_what_a_column_shares_is_a_column_with_a_source_of_its_own(tmp_path: Path, other: str) -> None:
    columns = [*BOOKED[:2], BOOKED[2] | {"sameSourceAs": other}, BOOKED[3]]
    assert f"sameSourceAs: '{other}' is no column with a source of its own" in _mistakes(
        SmallSite(tmp_path, columns=columns)
    )


# ---------------------------------------------------------------- several numbers
CALLS = [
    {"name": "call_id", "logicalType": "string", "primaryKey": True},
    {"name": "caller", "logicalType": "string", "classification": "pii", "pseudonym": "number"},
    {"name": "receiver", "logicalType": "string", "classification": "pii", "pseudonym": "number", "required": False},
]


def test_several_numbers_of_a_row_have_pseudonyms_that_join(tmp_path: Path) -> None:
    site = SmallSite(tmp_path, columns=CALLS)
    site.drop(
        "call_id,caller,receiver\nA,010-1234-0001,+82 10-1234-0002\nB,01012340002,010-1234-0001\nC,010-1234-0003,\n"
    )
    receipt = site.ingest()
    rows = site.rows(receipt, "call_id, caller_key, receiver_key")
    keys = {call: (caller, receiver) for call, caller, receiver in rows}
    assert keys["A"] == keys["B"][::-1]
    assert keys["A"][0] != keys["A"][1]
    assert keys["C"][1] is None


def test_a_second_number_leaves_the_first_ones_name_as_models_know_it(tmp_path: Path) -> None:
    old = {"name": "old_msisdn", "logicalType": "string", "classification": "pii", "pseudonym": "number"}
    site = SmallSite(tmp_path, columns=[*COLUMNS, old])
    assert [column.raw_name for column in site.feed.columns if column.pseudonym] == ["number_key", "old_msisdn_key"]
    assert SmallSite(tmp_path / "one", columns=CALLS[:2]).feed.columns[1].raw_name == "number_key"


# ---------------------------------------------------------------- no key
EVENTS = [
    {"name": "row_no", "logicalType": "integer", "primaryKey": True, "rowNumber": True},
    {"name": "what", "logicalType": "string"},
    {"name": "amount", "logicalType": "integer"},
]


def test_rows_without_a_key_are_numbered_across_the_files_of_their_delivery(tmp_path: Path) -> None:
    site = SmallSite(tmp_path, columns=EVENTS)
    for offset in range(3):  # in one batch, each delivery counts its own
        site.drop("what,amount\ncall,1\ncall,1\ncall,x\n", "a.csv", DAY + timedelta(days=offset))
        site.drop("amount,what\n5,data\n", "b.csv", DAY + timedelta(days=offset))
    done = ingest(site.settings, site.feed, [DAY + timedelta(days=offset) for offset in range(3)])
    for one in done:
        assert (one.receipt.rows_accepted, one.receipt.rows_duplicate) == (3, 0)
        assert site.rows(one.receipt, "row_no, what, amount") == [(1, "call", 1), (2, "call", 1), (4, "data", 5)]
        assert is_conserved(one.receipt)
    (bad,) = site.bad_rows()
    assert (bad.file, bad.row_number, bad.reasons) == ("a.csv", 3, ["BAD_QUANTITY:amount"])


def test_a_sample_shows_a_rows_number(tmp_path: Path) -> None:
    site = SmallSite(tmp_path, columns=EVENTS)
    path = tmp_path / "events.csv"
    path.write_text("what,amount\ncall,x\ncall,1\n", "utf-8")
    trial = try_sample(site.settings, site.feed, path, dt=DAY)
    assert trial.good_rows[0].cells["row_no"] == (None, "2")
    assert trial.columns[0].header == "the row's number"


def test_a_feed_without_a_key_is_told_what_to_write(tmp_path: Path) -> None:
    assert "add an integer with primaryKey: true and rowNumber: true" in _mistakes(
        SmallSite(tmp_path, columns=EVENTS[1:])
    )
    text = {"name": "row_no", "logicalType": "string", "primaryKey": True, "rowNumber": True}
    assert "row_no.rowNumber: is for an integer" in _mistakes(SmallSite(tmp_path, columns=[text, *EVENTS[1:]]))


# ---------------------------------------------------------------- no header
BARE = [
    {"name": "charge_id", "logicalType": "string", "primaryKey": True, "position": 2},
    {"name": "msisdn", "logicalType": "string", "classification": "pii", "pseudonym": "number", "position": 1},
    {"name": "amount", "logicalType": "integer", "position": 4},
]


@pytest.mark.parametrize("name", ["charges.csv", "charges.csv.gz"])
def test_a_file_without_a_header_is_read_by_position(tmp_path: Path, name: str) -> None:
    site = SmallSite(tmp_path, {"header": False}, BARE)
    content = b'010-1234-0001,C1,"x, y",10\n010-1234-0002,C2,,20\n'
    site.drop(gzip.compress(content) if name.endswith("gz") else content, name)
    receipt = site.ingest()
    assert site.rows(receipt, "charge_id, amount") == [("C1", 10), ("C2", 20)]
    assert (receipt.rows_read, receipt.unknown_columns) == (2, ["3"])


def test_a_parquet_file_is_read_by_position_under_the_same_contract(tmp_path: Path) -> None:
    site = SmallSite(tmp_path, {"header": False, "ignored": ["3"]}, BARE)
    path = site.folder() / "charges.parquet"
    duckdb.sql("select '010-1234-0001' as a, 'C1' as b, null::varchar as c, 10 as d").write_parquet(str(path))
    receipt = site.ingest()
    assert site.rows(receipt, "charge_id, amount") == [("C1", 10)]
    assert receipt.unknown_columns == []


def test_a_line_that_is_too_short_for_its_positions_refuses_the_delivery_by_name(tmp_path: Path) -> None:
    site = SmallSite(tmp_path, {"header": False}, BARE)
    site.drop("010-1234-0001,C1\n")
    refusal = str(site.ingest().refusal)
    assert "required column 'amount' is missing" in refusal
    assert "1234" not in refusal


def test_places_are_for_files_without_a_header_and_each_column_has_one(tmp_path: Path) -> None:
    assert "position: is for files without a header" in _mistakes(SmallSite(tmp_path, columns=BARE))
    bare = [BARE[0], {**BARE[1]}, {"name": "amount", "logicalType": "integer"}]
    assert "amount: a file without a header is read by position" in _mistakes(
        SmallSite(tmp_path, {"header": False}, bare)
    )


# ---------------------------------------------------------------- flags, and what cannot be read
def test_all_columns_that_cannot_be_read_are_named_at_once_with_what_is_read(tmp_path: Path) -> None:
    flags = [{"name": f"has_{n}", "logicalType": "boolean"} for n in ("a", "b", "c")]
    site = SmallSite(tmp_path, columns=[COLUMNS[0], *flags])
    site.drop("charge_id,has_a,has_b,has_c\n" + "".join(f"C{n},Ja,Y,Nein\n" for n in range(20)))
    refusal = str(site.ingest().refusal)
    assert "column 'has_a' cannot be read as a flag (true, t, yes, y, 1, or their opposite) in 20 of 20" in refusal
    assert "such as 'Ja'" in refusal
    assert "'has_c' cannot be read" in refusal
    assert "has_b" not in refusal


# ---------------------------------------------------------------- a row's time
def _of(day: date, number: int, at: date) -> str:
    return f"C{day:%m%d}{number},010-1234-0001,1,Y,ok,{at},{at} 09:00:00\n"


def test_rows_that_happened_far_from_their_deliverys_day_are_counted(tmp_path: Path) -> None:
    site = SmallSite(tmp_path, {"eventTime": "charged_at", "eventTimeDays": 10})
    times = [DAY, DAY + timedelta(1), DAY + timedelta(2), date(2026, 8, 1), DAY - timedelta(10), DAY - timedelta(11)]
    header = ",".join(column["name"] for column in COLUMNS) + "\n"
    site.drop(header + "".join(_of(DAY, number, at) for number, at in enumerate(times)))
    receipt = site.ingest()
    assert (receipt.rows_accepted, receipt.rows_ahead, receipt.rows_behind) == (6, 2, 1)
