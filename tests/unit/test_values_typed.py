"""Typed files, as Parquet is: a value is what its type says, whichever of the types that mean the same holds it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.ingest import Receipt
from tests.support.small_site import DAY, HEADER, SmallSite, line

AT = dt.datetime(2026, 1, 3, 9)
ROW: dict[str, Any] = {
    "charge_id": "C1", "msisdn": "01012345678", "amount": 5, "is_paid": True, "note": "ok", "charged_on": DAY,
    "charged_at": AT,
}  # fmt: skip


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallSite:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    return SmallSite(tmp_path)


def drop(site: SmallSite, name: str = "charges.parquet", **columns: pa.Array) -> Path:
    """Write a Parquet file of the feed with these columns instead of the ordinary ones."""
    rows = max((len(column) for column in columns.values()), default=1)
    table = {
        column: columns.get(column, pa.array([value if column != "charge_id" else f"C{n}" for n in range(rows)]))
        for column, value in ROW.items()
    } | columns
    path = site.folder() / name
    pq.write_table(pa.table(table), path)
    return path


def drop_each(site: SmallSite, column: str, *arrays: pa.Array) -> None:
    """Write one file of the delivery for each array, which holds one row of a column."""
    for n, array in enumerate(arrays):
        drop(site, f"{n}.parquet", charge_id=pa.array([f"C{n:02}"]), **{column: array})


def accepted(site: SmallSite, columns: str) -> list[tuple[Any, ...]]:
    receipt = site.ingest()
    assert (receipt.refusal, receipt.reasons) == (None, {})
    return site.rows(receipt, columns)


def test_instants_that_differ_by_a_microsecond_are_two_rows(site: SmallSite) -> None:
    site.columns[-1] |= {"primaryKey": True, "primaryKeyPosition": 2}
    moments = [AT.replace(microsecond=micros) for micros in (1, 2, 100_000, 900_000)]
    drop(site, charge_id=pa.array(["C1"] * 4), charged_at=pa.array(moments, pa.timestamp("us")))
    assert [at.microsecond for (at,) in accepted(site, "charged_at")] == [1, 2, 100_000, 900_000]


def test_instants_keep_their_zone_through_the_hour_that_is_there_twice(site: SmallSite) -> None:
    (site.root / "site").mkdir()
    (site.root / "site" / "site.toml").write_text('time_zone = "America/New_York"\n')
    hours = [dt.datetime(2025, 11, 2, hour, 30) for hour in (4, 5, 6, 7)]
    drop(site, charged_at=pa.array(hours, pa.timestamp("ms", tz="UTC")))
    assert [at.hour for (at,) in accepted(site, "timezone('UTC', charged_at) as at")] == [4, 5, 6, 7]


def test_moments_of_every_precision_are_the_same_instant(site: SmallSite) -> None:
    drop_each(site, "charged_at", *(pa.array([AT], pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")))
    assert accepted(site, "timezone('UTC', charged_at)") == [(dt.datetime(2026, 1, 3, 0),)] * 4


@pytest.mark.parametrize(
    ("library", "hour"), [(b"parquet-cpp-arrow", 0), (b"parquet-mr spark!", 9)], ids=["clock", "UTC"]
)
def test_the_old_way_to_write_instants_is_read_as_its_library_means_it(
    site: SmallSite, library: bytes, hour: int
) -> None:
    path = site.folder() / "charges.parquet"
    row = {name: [value] for name, value in ROW.items()}
    pq.write_table(pa.table(row), path, use_deprecated_int96_timestamps=True)
    path.write_bytes(path.read_bytes().replace(b"parquet-cpp-arrow", library))
    assert accepted(site, "extract(hour from timezone('UTC', charged_at))") == [(hour,)]


def test_a_date_is_a_date_in_every_type_that_can_hold_one(site: SmallSite) -> None:
    drop_each(
        site, "charged_on",
        pa.array([DAY], pa.date32()), pa.array([DAY], pa.date64()), pa.array(["2026-01-03"]),
        pa.array([dt.datetime(2026, 1, 3)], pa.timestamp("ns")),
        pa.array([dt.datetime(2026, 1, 2, 15)], pa.timestamp("us", tz="UTC")),  # midnight in Seoul
        pa.array([dt.datetime(2026, 1, 3)], pa.timestamp("ms", tz="UTC")),
    )  # fmt: skip
    assert accepted(site, "charged_on") == [(DAY,)] * 6


def test_a_moment_within_a_day_is_no_date(site: SmallSite) -> None:
    drop(site, charged_on=pa.array([AT, AT.replace(hour=0)], pa.timestamp("us")))
    receipt = site.ingest()
    assert (receipt.rows_accepted, receipt.reasons) == (1, {"BAD_DATE:charged_on": 1})


@pytest.mark.parametrize("kind", ["integer", "number"])
def test_five_is_five_in_every_type_that_can_hold_it(site: SmallSite, kind: str) -> None:
    site.columns[2]["logicalType"] = kind
    types = (pa.int8(), pa.uint64(), pa.float32(), pa.float64(), pa.decimal128(38, 10), pa.decimal128(9, 0))
    as_text = (pa.array(["5"]), pa.array(["5"]).dictionary_encode(), pa.array([b"5"], pa.binary()))
    drop_each(site, "amount", *(pa.array([5], pa.int8()).cast(type_) for type_ in types), *as_text)
    assert accepted(site, "amount") == [(5,)] * 9


@pytest.mark.parametrize(
    ("kind", "minor_units", "bad", "good"),
    [
        (
            "integer", 0,
            [
                pa.array([Decimal("5.5")], pa.decimal128(38, 10)), pa.array([2**64 - 1], pa.uint64()), pa.array([5.5]),
                pa.array([2.0**24 + 2], pa.float32()), pa.array([2.0**60]),  # which may be their neighbours
            ],
            [(pa.array([2.0**53]), 2**53), (pa.array([Decimal("-7.00")], pa.decimal128(9, 2)), -7)],
        ),
        (
            "integer", 2,
            [pa.array([Decimal("5.505")], pa.decimal128(38, 10)), pa.array([0.005])],
            [(pa.array([Decimal("6.50")], pa.decimal128(38, 10)), 650), (pa.array([6]), 600), (pa.array([0.07]), 7)],
        ),
        (
            "number", 0,
            [pa.array([Decimal("5.50001")], pa.decimal128(38, 10)), pa.array([0.00004]), pa.array([float("nan")])],
            [(pa.array([Decimal("6.5")], pa.decimal128(38, 10)), Decimal("6.5")), (pa.array([0.1]), Decimal("0.1"))],
        ),
    ],
)  # fmt: skip
def test_a_number_that_the_type_has_no_room_for_is_quarantined_never_rounded(
    site: SmallSite, kind: str, minor_units: int, bad: list[pa.Array], good: list[tuple[pa.Array, Any]]
) -> None:
    site.columns[2] = {"name": "amount", "logicalType": kind} | ({"minorUnits": minor_units} if minor_units else {})
    drop_each(site, "amount", *bad, *(array for array, _ in good))
    receipt = site.ingest()
    assert (receipt.refusal, receipt.reasons) == (None, {"BAD_QUANTITY:amount": len(bad)})
    assert [value for _, value in site.rows(receipt, "charge_id, amount")] == [value for _, value in good]


def test_the_same_person_has_one_pseudonym_whatever_the_type(site: SmallSite) -> None:
    site.drop(HEADER + line(2, msisdn="010-1234-5678"), "a.csv")
    drop_each(
        site, "msisdn",
        pa.array([1012345678], pa.int64()), pa.array([821012345678], pa.uint64()), pa.array([1012345678.0]),
        pa.array([Decimal(1012345678)], pa.decimal128(38, 10)), pa.array([b"01012345678"], pa.binary()),
        pa.array([b"01012345678"], pa.binary(11)), pa.array(["010-1234-5678"]).dictionary_encode(),
    )  # fmt: skip
    assert len(set(accepted(site, "number_key"))) == 1


def test_the_same_line_has_one_pseudonym_whatever_the_type(site: SmallSite) -> None:
    site.columns[4] |= {"classification": "pii", "pseudonym": "line"}
    site.drop(HEADER + line(2, note="77"), "a.csv")
    drop_each(site, "note", pa.array([77]), pa.array([77.0]), pa.array([Decimal(77)], pa.decimal128(20, 4)))
    assert len(set(accepted(site, "line_key"))) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "cp949", "utf-16-le"])
def test_text_that_is_kept_as_bytes_is_text_in_the_contracts_encoding(site: SmallSite, encoding: str) -> None:
    site.options = {"encoding": encoding}
    drop(site, note=pa.array(["가입비".encode(encoding), None], pa.binary()))
    assert accepted(site, "note") == [("가입비",), (None,)]


def test_bytes_in_another_encoding_refuse_the_delivery_by_column(site: SmallSite) -> None:
    drop(site, note=pa.array(["가입비".encode("cp949")], pa.binary()), picture=pa.array([b"\xff"], pa.binary()))
    assert site.ingest().refusal == "charges.parquet: column 'note' is not text in utf-8"


@pytest.mark.parametrize(
    ("note", "said"),
    [
        (pa.array([["a", "b"]]), "column 'note' is of type VARCHAR[], not one value per row"),
        (pa.array([{"a": 1}]), "column 'note' is of type STRUCT(a BIGINT), not one value per row"),
        (pa.array([Decimal(1)], pa.decimal256(50, 2)), "column 'note' has decimals of 50 digits, and 38 are the most"),
    ],
    ids=["list", "structure", "decimal"],
)
def test_a_column_that_holds_no_single_values_refuses_the_delivery_by_name(
    site: SmallSite, note: pa.Array, said: str
) -> None:
    drop(site, note=note)
    assert site.ingest().refusal == f"charges.parquet: {said}"


def test_a_nested_column_that_the_contract_does_not_ask_for_is_kept_out(site: SmallSite) -> None:
    drop(site, tags=pa.array([["a"]]))
    receipt: Receipt = site.ingest()
    assert (receipt.status, receipt.unknown_columns) == ("ACCEPTED", ["tags"])


def test_flags_times_and_numbers_are_text_where_the_contract_asks_for_text(site: SmallSite) -> None:
    drop(site, "a.parquet", charge_id=pa.array(["A"]), note=pa.array([dt.time(9, 5)], pa.time64("us")))
    drop(site, "b.parquet", charge_id=pa.array(["B"]), note=pa.array([True]))
    drop(site, "c.parquet", charge_id=pa.array(["C"]), note=pa.array([12.0]))
    assert accepted(site, "charge_id, note") == [("A", "09:05:00"), ("B", "true"), ("C", "12")]


def test_a_typed_value_can_be_spelled_as_the_contract_says_of_texts(site: SmallSite) -> None:
    site.options = {"dateFormat": "%Y%m%d", "timestampFormat": "epoch_ms", "nullValues": ["-1"]}
    site.columns[3]["values"] = {"1": "true", "0": "false"}
    drop(
        site,
        charged_on=pa.array([20260103]),
        charged_at=pa.array([1767398400000]),
        is_paid=pa.array([1]),
        note=pa.array([-1]),
    )
    assert accepted(site, "charged_on, timezone('UTC', charged_at), is_paid, note") == [
        (DAY, dt.datetime(2026, 1, 3), True, None)
    ]
