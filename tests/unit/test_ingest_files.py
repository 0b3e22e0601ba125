"""Files as the field delivers them: whatever their spelling, every record is counted once and read as it was meant."""

from __future__ import annotations

import gzip
import json
from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration.base.sql import connect, exact
from orchestration.warehouse.raw_relations import refresh_raw
from tests.support.small_site import HEADER, SmallSite, is_conserved, line


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallSite:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)  # two thirds of the time of a test
    return SmallSite(tmp_path)


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("utf-8", "utf-8"), ("utf-8", "utf-8-sig"), ("cp949", "cp949"), ("euc-kr", "euc-kr"),
        ("utf-16", "utf-16"), ("utf-16-le", "utf-16-le"), ("utf-16", "utf-16-be"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_encoding_and_line_end_reads_alike(site: SmallSite, declared: str, encoding: str, newline: str) -> None:
    site.options = {"encoding": declared}
    text = (HEADER + line(1, note="가입비") + line(2)).replace("\n", newline)
    mark = "\ufeff" if encoding == "utf-16-be" or declared == "utf-16-le" else ""
    site.drop((mark + text).encode(encoding))
    receipt = site.ingest()
    assert (receipt.rows_read, receipt.rows_accepted, receipt.refusal) == (2, 2, None)
    assert site.rows(receipt, "note") == [("ok",), ("가입비",)]


def test_folders_and_files_whose_names_read_as_patterns_are_read_as_they_are_named(
    site: SmallSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGFENCE_LANDING", str(tmp_path / "[1] what*now?"))
    site.drop(HEADER + line(1) + line(2, amount="x"), "charges[a-z].csv")
    path = site.drop(b"", "c?.parquet")
    duckdb.execute(f"copy (select * from read_csv('{exact(site.folder())}/*.csv')) to '{path}'")
    receipt = site.ingest()
    assert (receipt.refusal, receipt.rows_accepted, receipt.rows_duplicate) == (None, 1, 1)
    assert {row.file for row in site.bad_rows()} == {"charges[a-z].csv", "c?.parquet"}
    with connect(site.settings) as con:
        refresh_raw(con, site.settings, {"charges": site.feed})
        assert con.execute("select amount from raw.charges").fetchall() == [(1,)]


def test_a_line_without_an_end_has_one_reason_in_a_file_that_is_sound_otherwise(site: SmallSite) -> None:
    site.drop(HEADER + line(1) + line(2, note="x" * 2_000_001) + line(3))
    receipt = site.ingest()
    assert (receipt.rows_read, receipt.rows_accepted) == (3, 2)
    assert receipt.reasons == {"STRUCTURE:LONG_LINE": 1}


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
@pytest.mark.parametrize("quote", ['"', "'", ""])
def test_every_delimiter_reads_alike_quoted_or_not(site: SmallSite, delimiter: str, quote: str) -> None:
    site.options = {"delimiter": delimiter, "quote": quote}
    cells = [text.strip().split(",") for text in (HEADER, line(1), line(2))]
    rows = [delimiter.join(f"{quote}{cell}{quote}" for cell in row) for row in cells]
    if quote:
        rows[1] = rows[1].replace("ok", f"a{delimiter}b{quote}{quote}c")
    site.drop("\n".join(rows))
    receipt = site.ingest()
    assert receipt.refusal is None
    assert receipt.rows_accepted == 2
    expected = f"a{delimiter}b{quote}c" if quote else "ok"
    assert site.rows(receipt, "note")[0][0] == expected


def test_dates_numbers_flags_and_codes_are_spelled_as_the_contract_says(site: SmallSite) -> None:
    site.options = {
        "dateFormat": ["%d/%m/%Y", "%Y%m%d"], "timestampFormat": ["%Y%m%d%H%M%S", "%Y-%m-%dT%H:%M:%S%z"],
        "thousandsSeparator": ".", "decimalSeparator": ",", "delimiter": ";",
    }  # fmt: skip
    site.columns[2]["minorUnits"] = 2
    site.columns[4]["values"] = {"pago": "PAID"}
    header = HEADER.replace(",", ";")
    site.drop(
        header
        + "C1;01012345678;1.234,56;Y;pago;03/01/2026;20260103090000\n"
        + "C2;+82 10 1234 5678;1234,5;N;other;20260103;2026-01-03T00:00:00+0000\n"
        + "C3;821012345678;12;;;20260103;20260103090000\n"
        + "C4;010.1234.5678;1,234;Y;;03/01/26;20260103090000\n"
    )
    receipt = site.ingest()
    hour = "extract(hour from charged_at)"
    assert site.rows(receipt, f"charge_id, amount, is_paid, note, charged_on, {hour}") == [
        ("C1", 123456, True, "PAID", date(2026, 1, 3), 9),
        ("C2", 123450, False, "other", date(2026, 1, 3), 9),
        ("C3", 1200, None, None, date(2026, 1, 3), 9),
    ]
    assert len({key for (key,) in site.rows(receipt, "number_key")}) == 1, "one number, however it is spelled"
    assert site.bad_rows()[0].reasons == ["BAD_QUANTITY:amount", "BAD_DATE:charged_on"]


def test_headers_match_whatever_their_spaces_case_order_and_repetition(site: SmallSite) -> None:
    site.columns[4] |= {"sourceHeader": ["Operadora"]}
    site.columns[3] = {"name": "donor", "logicalType": "string", "sourceHeader": ["Operadora"]}
    site.drop(
        "\ufeffAMOUNT ,charge_id,Operadora,msisdn,  charged_on,Charged_At,operadora ,extra  column\n"
        "5,C1,first,01012345678,2026-01-03,2026-01-03 09:00:00,second,x\n"
    )
    receipt = site.ingest()
    assert site.rows(receipt, "amount, donor, note") == [(5, "first", "second")]
    assert receipt.unknown_columns == ["extra column"]


def test_csv_gzip_and_parquet_of_one_delivery_are_read_together(site: SmallSite) -> None:
    site.drop(HEADER + line(1), "a.csv")
    site.drop(gzip.compress((HEADER + line(2)).encode()), "b.csv.gz")
    path = site.folder() / "c.parquet"
    duckdb.execute(
        f"copy (select 'C3' as charge_id, '01012340003' as msisdn, 3.0::double as amount, true as is_paid, "
        f"null::varchar as note, date '2026-01-03' as charged_on, timestamptz '2026-01-03 00:00:00+00' as charged_at) "
        f"to '{path}'"
    )
    receipt = site.ingest()
    assert [(file.name, file.accepted) for file in receipt.files] == [("a.csv", 1), ("b.csv.gz", 1), ("c.parquet", 1)]
    assert [row[0] for row in site.rows(receipt, "amount")] == [1, 2, 3]
    assert {row[0] for row in site.rows(receipt, "extract(hour from charged_at)")} == {9}


def test_every_record_is_counted_once_whatever_is_wrong_with_the_file(site: SmallSite) -> None:
    huge = "x" * 2_500_000
    site.drop(
        HEADER
        + line(1)
        + "\n\r\n"
        + line(2, note='"two\nlines, one record"')
        + "too,few\n"
        + line(3, note='"left open')
        + line(4, note="zero\0byte")
        + line(5).replace("\n", "\r\n")
        + line(6, note=huge)
        + line(7, amount="many").rstrip("\n")
    )
    receipt = site.ingest()
    assert receipt.refusal is None
    assert is_conserved(receipt)
    # line by line, the record over two lines is one of two that are none
    assert (receipt.rows_read, receipt.rows_accepted) == (9, 3)
    found = {row.row_number: row.reasons for row in site.bad_rows()}
    assert found == {
        2: ["STRUCTURE:OPEN_QUOTE"], 3: ["STRUCTURE:OPEN_QUOTE"], 4: ["STRUCTURE:MISSING_COLUMNS"],
        5: ["STRUCTURE:OPEN_QUOTE"], 8: ["STRUCTURE:LONG_LINE"], 9: ["BAD_QUANTITY:amount"],
    }  # fmt: skip
    # what the reader was given in the line's place leaves no trace in what is shown of it
    shown = {row.row_number: json.loads(row.masked_row)["line"] for row in site.bad_rows()[:4]}
    assert all(text.isprintable() and not text.endswith(",") for text in shown.values()), shown


def test_a_value_over_two_lines_is_one_record_and_row_numbers_count_records(site: SmallSite) -> None:
    site.drop(HEADER + line(1, note='"two\n\nlines"') + "\n" + "short\n" + line(2, amount="x") + line(3))
    receipt = site.ingest()
    assert (receipt.rows_read, receipt.rows_accepted) == (4, 2)
    assert site.rows(receipt, "note")[1][0] == "two\n\nlines"
    assert [(row.row_number, row.reasons[0]) for row in site.bad_rows()] == [
        (2, "STRUCTURE:MISSING_COLUMNS"),
        (3, "BAD_QUANTITY:amount"),
    ]


def test_row_numbers_hold_across_files_and_many_rows(site: SmallSite) -> None:
    wrong = {"a.csv": [1, 777, 30_000], "b.csv": [2, 29_999]}
    for name, bad in wrong.items():
        base = 0 if name == "a.csv" else 40_000
        rows = [line(base + n, amount="x" if n in bad else "1") for n in range(1, 30_001)]
        rows[499] = "torn\n"
        site.drop(HEADER + "".join(rows), name)
    receipt = site.ingest()
    found = [(row.file, row.row_number) for row in site.bad_rows()]
    assert found == [
        ("a.csv", 1), ("a.csv", 500), ("a.csv", 777), ("a.csv", 30_000),
        ("b.csv", 2), ("b.csv", 500), ("b.csv", 29_999)
    ]  # fmt: skip
    assert receipt.rows_accepted == 60_000 - 7


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("charges.csv", (HEADER + line(1, note="가")).encode("cp949"), "charges.csv, line 2: not in utf-8"),
        ("charges.csv", line(1).encode() * 3, "names none of the contract's columns"),
        ("charges.csv", HEADER.replace("amount", "sum_total").encode(), "required column 'amount' is missing; if"),
        ("charges.csv", b'"' + HEADER.encode(), "charges.csv, line 1: a quote of the header is left open"),
        ("charges.csv.gz", gzip.compress(HEADER.encode() + line(1).encode() * 999)[:-20], "truncated or damaged gzip"),
        ("charges.csv.gz", (HEADER + line(1)).encode(), "truncated or damaged gzip"),
        ("charges.parquet", b"PAR1 and so on", "charges.parquet: not a Parquet file"),
    ],
)
def test_a_file_that_cannot_be_read_refuses_its_delivery(site: SmallSite, name: str, content: bytes, said: str) -> None:
    site.drop(HEADER + line(9), "another.csv")
    site.drop(content, name)
    receipt = site.ingest()
    assert receipt.status == "REFUSED"
    assert said in str(receipt.refusal)
    assert "1234" not in str(receipt.refusal)
    assert receipt.rows_read == 0


def test_a_folder_or_a_dangling_link_in_place_of_a_file_refuses_its_delivery(site: SmallSite) -> None:
    (site.folder() / "charges.csv").mkdir()
    assert site.ingest().refusal == "charges.csv: is not a file"
    other = date(2026, 1, 4)
    (site.folder(other) / "charges.csv").symlink_to(site.root / "nowhere")
    assert site.ingest(other).refusal == "charges.csv: is not a file"


def test_a_refused_delivery_does_not_hold_up_the_others_and_leaves_what_was_there(site: SmallSite) -> None:
    from orchestration.ingest import ingest
    from orchestration.ingest.receipt import in_force, read_receipts

    site.drop(HEADER + line(1))
    site.ingest()
    site.drop(b"PAR1", "charges.parquet")
    other = date(2026, 1, 4)
    site.drop(HEADER + line(1), dt=other)
    done = ingest(site.settings, site.feed, [date(2026, 1, 3), other])
    assert [one.receipt.status for one in done] == ["REFUSED", "ACCEPTED"]
    revisions = {receipt.dt: receipt.rev for receipt in in_force(read_receipts(site.settings.raw_dir))}
    assert revisions == {date(2026, 1, 3): 1, other: 1}


def test_a_required_column_of_another_type_refuses_the_delivery(site: SmallSite) -> None:
    site.drop(HEADER + "".join(line(n, amount=f"EUR {n}" if n % 3 else str(n)) for n in range(1, 31)))
    receipt = site.ingest()
    assert "column 'amount' cannot be read as a whole number (BIGINT) in 20 of 30 rows, such as" in str(receipt.refusal)
    site.drop(HEADER + "".join(line(n, msisdn="none" if n % 3 else f"0101234{n:04}") for n in range(1, 31)))
    assert "column 'msisdn' cannot be read as a phone number in 20 of 30 rows" in str(site.ingest().refusal)
    site.drop(HEADER + "".join(line(n, amount="x" if n < 10 else str(n)) for n in range(1, 31)))
    receipt = site.ingest()
    assert (receipt.status, receipt.rows_quarantined) == ("ACCEPTED", 9)


def test_quarantine_masks_what_is_personal_wherever_it_stands(site: SmallSite) -> None:
    site.columns[4] |= {"classification": "pii", "required": False}
    site.drop(
        HEADER
        + line(1, amount="x", note="김철수")
        + line(2, charge_id="010 9876 5432", amount="-1")
        + "C3,01055556666,홍길동\n"
        + line(4)
        + line(4, amount="5")
    )
    site.ingest()
    shown = "".join(row.masked_row for row in site.bad_rows())
    assert len(site.bad_rows()) == 5
    for secret in ("1234", "9876", "5432", "5555", "김철수", "홍길동"):
        assert secret not in shown


def test_the_same_row_twice_is_a_duplicate_and_the_same_key_otherwise_a_conflict(site: SmallSite) -> None:
    site.drop(HEADER + line(1) + line(2), "a.csv")
    site.drop(HEADER + line(1).replace("010-", "+82 10-") + line(2, amount="3") + line(3), "b.csv")
    receipt = site.ingest()
    assert [(f.accepted, f.quarantined, f.duplicate) for f in receipt.files] == [(1, 1, 0), (1, 1, 1)]
    assert receipt.reasons == {"KEY_CONFLICT": 2}
