"""One odd file costs its own delivery and nothing else. What is not data by its name is left alone, and named."""

from __future__ import annotations

import errno
import os
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.base.machine import is_machines
from orchestration.ingest import ingest
from orchestration.ingest.arrivals import deliveries, unread
from orchestration.ingest.delivery import find_delivery
from orchestration.ingest.retention import remove_expired
from orchestration.state.status import read_status
from tests.support.small_site import DAY, HEADER, SmallSite, line

OTHER = date(2026, 1, 4)
GOOD = HEADER + line(1) + line(2)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallSite:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    return SmallSite(tmp_path)


def _named(site: SmallSite, name: bytes, content: str = GOOD, dt: date = DAY) -> None:
    (site.folder(dt) / os.fsdecode(name)).write_bytes(content.encode())


def _left_alone(site: SmallSite) -> list[str]:
    return [text.partition(f"dt={DAY}/")[2] for text in unread(site.settings, {"charges": site.feed}, [])]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("청구_20260103.csv".encode("cp949"), "청구_20260103.csv"),
        ("청구_20260103.parquet".encode("cp949"), "청구_20260103.parquet"),
        ("청구.csv".encode(), "청구.csv"),
        ("\u1112\u1161\u11ab.csv".encode(), "한.csv"),
        (b"\xff\xfe\x81.csv", "\\xff\\xfe\\x81.csv"),
        ("fatura\xe7\xe3o mensal \xe0.csv".encode("cp1252"), "faturação mensal à.csv"),
        (b"a\nb\x1b[2J.csv", "a\\nb\\x1b[2J.csv"),
        (b"[b-d] {x} ,%s $1.csv", "[b-d] {x} ,%s $1.csv"),
        (b"x" * 251 + b".csv", "x" * 251 + ".csv"),
    ],
)
def test_a_file_is_read_whatever_bytes_its_name_is_in(site: SmallSite, name: bytes, shown: str) -> None:
    if name.endswith(b".parquet"):
        path = site.drop(GOOD, "good.csv")
        duckdb.execute(f"copy (from read_csv('{path}', all_varchar = true)) to '{site.root}/x.parquet'")
        path.unlink()
        (site.root / "x.parquet").rename(site.folder() / os.fsdecode(name))
    else:
        _named(site, name, GOOD + "short\n")
    if b"fatura" in name:
        site.options = {"encoding": "cp1252"}
    receipt = site.ingest()
    assert (receipt.refusal, receipt.rows_accepted) == (None, 2)
    assert [file.name for file in receipt.files] == [shown]
    assert {row.file for row in site.bad_rows()} <= {shown}
    assert read_status(site.settings, {"charges": site.feed}).model_dump_json()


def test_a_days_closed_folder_is_refused_until_it_is_open(site: SmallSite, monkeypatch: pytest.MonkeyPatch) -> None:
    _named(site, b"charges.csv")
    monkeypatch.setattr("os.access", lambda path, _: path != site.folder())
    assert site.ingest().refusal == f"dt={DAY}: the folder is closed to us"
    monkeypatch.undo()
    assert site.ingest().rows_accepted == 2


def test_of_a_feeds_closed_folder_nothing_has_arrived_and_that_is_told(
    site: SmallSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    _named(site, b"charges.csv")
    feed, there = site.folder().parent, Path.stat

    def stat(path: Path, **options: Any) -> os.stat_result:
        if feed in path.parents:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return there(path, **options)

    monkeypatch.setattr(Path, "stat", stat)
    monkeypatch.setattr("os.access", lambda path, _: path != feed)
    assert find_delivery(site.settings.landing_dir, site.feed, DAY) is None
    assert f"{feed}: the folder is closed to us" in unread(site.settings, {"charges": site.feed}, [])
    monkeypatch.undo()
    assert site.ingest().rows_accepted == 2


def test_a_manifest_lists_a_name_as_people_spell_it(site: SmallSite) -> None:
    _named(site, "청구.csv".encode("cp949"))
    site.manifest({"name": "\u110e\u1165\u11bc\u1100\u116e.csv", "rows": 2})
    assert site.ingest().refusal is None


def test_a_number_in_the_name_of_a_file_is_told_nowhere_and_two_such_files_are_two(site: SmallSite) -> None:
    for number, name in enumerate(("of 010-1234-5678.csv", "of 010-1234-9999.csv", "0-20260103054000.csv")):
        _named(site, name.encode(), HEADER + line(number) + line(10 + number, amount="x"))
    receipt = site.ingest()
    assert [file.name for file in receipt.files] == [
        "0-20260103054000.csv",
        "of ###-####-####.csv",
        "of ###-####-####.csv",
    ]
    assert {row.file for row in site.bad_rows()} == {"0-20260103054000.csv", "of ###-####-####.csv"}
    _named(site, b"010-1234-7777.txt")
    assert [said.partition(":")[0] for said in _left_alone(site)] == ["###-####-####.txt"]
    site.manifest({"name": "01012345678.csv"}, dt=OTHER)
    assert site.ingest(OTHER).refusal == "###########.csv: listed in _manifest.json, but absent"


def test_two_names_that_differ_in_their_bytes_alone_refuse_the_delivery(site: SmallSite) -> None:
    _named(site, "청구.csv".encode("cp949"))
    _named(site, "청구.csv".encode())
    assert site.ingest().refusal == "청구.csv: there are two files of that name, spelled in different bytes"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("._charges.csv", "hidden"),
        (".charges.csv", "hidden"),
        (".in.charges.csv", "a file that is still being written, or was left unfinished"),
        (".in.charges.csv.", "a file that is still being written, or was left unfinished"),
        ("more.csv.filepart", "a file that is still being written, or was left unfinished"),
        ("more.csv.PART", "a file that is still being written, or was left unfinished"),
        ("more.csv.tmp", "a file that is still being written, or was left unfinished"),
        ("more.csv.crdownload", "a file that is still being written, or was left unfinished"),
        (".charges.csv.swp", "a file that is still being written, or was left unfinished"),
        ("~$charges.csv", "what an office program or an editor leaves beside a file"),
        ("_SUCCESS", "a mark that a job leaves"),
        ("charges.xlsx", "an extract's name ends in .csv, .csv.gz, .parquet"),
    ],
)
def test_hidden_and_partial_files_are_no_data_and_status_names_them(site: SmallSite, name: str, why: str) -> None:
    site.drop(b"\0\5\26\7" + GOOD.encode(), name)
    assert _left_alone(site) == [f"{name}: {why}"]
    assert list(deliveries(site.settings, {"charges": site.feed})) == [], "nor does it make a delivery of its own"
    site.drop(GOOD)
    receipt = site.ingest()
    assert ([file.name for file in receipt.files], receipt.rows_accepted) == (["charges.csv"], 2)
    site.drop(b"more of it", name)
    (delivery,) = deliveries(site.settings, {"charges": site.feed})
    assert receipt.fingerprint == delivery.fingerprint, "what is still written does not wake the sensor"


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\r\n\r\n", b"\x1a"])
def test_an_empty_file_beside_a_full_one_has_no_rows_and_alone_it_refuses(site: SmallSite, content: bytes) -> None:
    site.drop(content, "part-00001.csv")
    assert site.ingest().refusal == "part-00001.csv: is empty, without a header"
    site.drop(GOOD, "part-00000.csv")
    receipt = site.ingest()
    assert (receipt.refusal, receipt.rows_read, receipt.rows_accepted) == (None, 2, 2)
    assert [file.name for file in receipt.files if file.is_empty] == ["part-00001.csv"]
    site.manifest({"name": "part-00000.csv", "rows": 1}, {"name": "part-00001.csv", "rows": 1})
    site.drop(GOOD + line(3), "part-00000.csv")
    assert str(site.ingest().refusal).startswith("part-00000.csv: 3 rows, but 1")


@pytest.mark.parametrize("name", ["a.parquet", "a.csv.gz"])
def test_an_empty_file_of_any_kind_has_no_rows(site: SmallSite, name: str) -> None:
    site.drop(b"", name)
    site.drop(GOOD)
    receipt = site.ingest()
    assert (receipt.refusal, receipt.rows_accepted) == (None, 2)


def _absurd(sql: str) -> Any:
    return lambda path: duckdb.execute(f"copy ({sql}) to '{path}' (format parquet)")


def _cut_footer(path: Path) -> None:
    _absurd("select 'C1' as charge_id, 1 as amount")(path)
    data = path.read_bytes()
    path.write_bytes(data[:40] + b"\xff" * 20 + data[60:])


@pytest.mark.parametrize(
    "make",
    [
        _absurd("select [1, 2] as charge_id"),
        _absurd("select {'a': 1} as charge_id, 'x' as \"a\"\"b\""),
        _absurd('select 1 as charge_id, 2 as "CHARGE_ID ", interval 1 day as amount'),
        _cut_footer,
        lambda path: path.write_bytes(b"PAR1" + b"\xff\xff\xff\x7fPAR1"),
        lambda path: path.write_bytes(b"PAR1" * 1000),
        lambda path: path.mkdir(),
        lambda path: path.symlink_to(path),
        os.mkfifo,
    ],
)
def test_whatever_a_reader_makes_of_a_file_the_other_days_go_on(site: SmallSite, make: Any) -> None:
    for dt in (DAY, OTHER):
        site.drop(GOOD, dt=dt)
    make(site.folder(OTHER) / "odd.parquet")
    done = {one.receipt.dt: one.receipt for one in ingest(site.settings, site.feed, [DAY, OTHER])}
    assert done[DAY].rows_accepted == 2
    assert str(done[OTHER].refusal).startswith("odd.parquet: ")
    assert read_status(site.settings, {"charges": site.feed}).feeds[0].refused == {OTHER: done[OTHER].refusal}
    assert not any(one.is_new for one in ingest(site.settings, site.feed, [DAY, OTHER])), "told once"


def test_a_reader_that_raises_what_nobody_foresaw_refuses_that_file_alone(
    site: SmallSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration.ingest import survey

    class Unforeseen(RuntimeError):
        pass

    def raise_on_odd(path: Path, name: str, feed: object) -> object:
        if path.name == "odd.csv":
            raise Unforeseen("010-1234-5678")
        return text(path, name, feed)  # type: ignore[arg-type]

    text = survey.Text
    monkeypatch.setattr(survey, "Text", raise_on_odd)
    for dt in (DAY, OTHER):
        site.drop(GOOD, dt=dt)
    site.drop(GOOD, "odd.csv", OTHER)
    refusals = [one.receipt.refusal for one in ingest(site.settings, site.feed, [DAY, OTHER])]
    assert refusals == [None, "odd.csv: cannot be read (Unforeseen)"]


def test_a_crash_of_the_reader_costs_the_delivery_that_causes_it(
    site: SmallSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration.ingest.batch import reading

    def crash_on_odd(con: Any, surveyed: Any, *more: Any) -> Any:
        if surveyed.name == "odd.csv":
            con.close()
            raise duckdb.InternalException("INTERNAL Error: 01012345678")
        return read_layout(con, surveyed, *more)

    read_layout = reading.read_layout
    monkeypatch.setattr(reading, "read_layout", crash_on_odd)
    for dt in (DAY, OTHER):
        site.drop(GOOD, dt=dt)
    site.drop(GOOD, "odd.csv", OTHER)
    refusals = [one.receipt.refusal for one in ingest(site.settings, site.feed, [DAY, OTHER])]
    assert refusals == [None, "charges.csv, odd.csv: cannot be read (InternalException)"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EMFILE, "Too many open files"),
        PermissionError(errno.EACCES, "Permission denied", "/somewhere/of/ours"),
        MemoryError(),
        duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block"),
        duckdb.IOException("IO Error: Could not write file: No space left on device"),
    ],
)
def test_an_error_of_the_machine_refuses_nothing(
    site: SmallSite, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from orchestration.ingest import survey

    def raise_error(*_: object) -> None:
        raise error

    site.drop(GOOD)
    monkeypatch.setattr(survey, "Text", raise_error)
    with pytest.raises((type(error), RuntimeError)):
        site.ingest()
    monkeypatch.undo()
    assert site.ingest().rev == 1


def test_a_file_that_is_closed_to_us_is_its_own_fault_and_a_folder_of_ours_the_machines(tmp_path: Path) -> None:
    ours, file = tmp_path / "tmp" / "copy", tmp_path / "landing" / "charges.csv"
    assert not is_machines(PermissionError(errno.EACCES, "Permission denied", str(file)), file)
    assert is_machines(PermissionError(errno.EACCES, "Permission denied", str(ours)), file)
    assert not is_machines(duckdb.IOException(f'Cannot open file "{file}": Permission denied'), file)
    assert is_machines(duckdb.IOException(f'Cannot open file "{ours}": Permission denied'), file)


def test_folders_that_are_no_days_do_not_stop_retention(site: SmallSite) -> None:
    site.drop(GOOD)
    site.ingest()
    for name in ("dt=2026-1-3", "dt=today", "dt=20260103"):
        (site.settings.landing_dir / "charges" / name).mkdir()
    settings = site.settings.model_copy(update={"keep_raw_days": 60})
    assert remove_expired(settings, {"charges": site.feed}) == []
