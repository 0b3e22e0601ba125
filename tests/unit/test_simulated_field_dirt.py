"""What `field_dirt` does to files is there as often as the simulator says, kind by kind."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from orchestration.base.settings import Settings
from orchestration.contracts import load_feeds
from orchestration.ingest import ingest
from orchestration.ingest.receipt import newest, read_receipts
from orchestration.runtime.partitions import days_between
from orchestration.simulator import SimulationSummary, simulate
from orchestration.simulator.field_dirt import FILE_FAULTS, FOLDER_FAULTS
from tests.support.world import KEY

FIRST, LAST = date(2026, 1, 10), date(2026, 2, 12)
ODD_NUMBER = re.compile(r"\+82 \(0\)10-|0082 10 |\(010\) |\+82-10-|[０-９]{11}|010\.\d{4}\.")


def _seen(folder: Path) -> Iterator[str]:
    """Kinds of one delivery, by the bytes of its files."""
    manifest = (folder / "_manifest.json").read_bytes()
    if manifest.startswith(b"\xef\xbb\xbf"):
        yield "MANIFEST_BYTE_ORDER_MARK"
    if any(entry["sha256"].isupper() for entry in json.loads(manifest.decode("utf-8-sig"))["files"]):
        yield "MANIFEST_CAPITALS"
    for path in folder.iterdir():
        data = path.read_bytes()
        if path.name.startswith("._"):
            yield "APPLE_DOUBLE"
        elif path.name.startswith(".in."):
            yield "UPLOAD_IN_PROGRESS"
        elif not data:
            yield "EMPTY_PART"
        elif path.suffix == ".csv":
            if data.endswith(b"\x1a"):
                yield "CONTROL_Z"
            if b"\r" in data and b"\n" not in data:
                yield "CARRIAGE_RETURNS"
        elif path.suffix == ".gz":
            if data[3] & 0x10:
                yield "GZIP_COMMENT"
            reader = zlib.decompressobj(wbits=31)
            reader.decompress(data)
            if reader.unused_data and not any(reader.unused_data):
                yield "GZIP_ZERO_PADDING"


def _odd_numbers(folder: Path) -> int:
    (path,) = folder.glob("[!_.]*-0.csv*")
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = data.decode("cp949" if folder.parent.name == "subscriptions" else "utf-8")
    return sum(1 for line in re.split(r"[\r\n]", text) if ODD_NUMBER.search(line))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SimulationSummary:
    return simulate(
        tmp_path_factory.mktemp("field") / "landing", first_day=FIRST, last_day=LAST, history_from=FIRST, panel=0.0003,
        field_dirt=True, feeds=["payments", "cell_attachments", "cell_registry", "sim_changes", "subscriptions"],
    )  # fmt: skip


def test_every_kind_is_there_as_often_as_it_was_counted(made: SimulationSummary) -> None:
    folders = list(made.out.glob("*/dt=*"))
    found = Counter(kind for folder in folders for kind in _seen(folder))
    found["PHONE_SPELLING"] = sum(_odd_numbers(folder) for folder in folders if folder.parent.name != "cell_registry")
    counted = sum((tally.field_dirt for tally in made.feeds.values()), Counter[str]())
    assert found == counted
    assert set(counted) == {fault.kind for fault in FILE_FAULTS + FOLDER_FAULTS} | {"PHONE_SPELLING"}


def test_ingest_reads_every_such_file_and_keeps_out_broken_rows_only(made: SimulationSummary) -> None:
    settings = Settings(home=made.out.parent, pseudonym_key=KEY)
    for name, tally in made.feeds.items():
        ingest(settings, load_feeds(settings)[name], days_between(FIRST, LAST))
        receipts = newest(read_receipts(settings.raw_dir, name))
        assert {receipt.status for receipt in receipts} == {"ACCEPTED"}
        assert sum(receipt.rows_read for receipt in receipts) == tally.rows
        odd = sum(receipt.rows_quarantined for receipt in receipts) - tally.broken
        assert 0 <= odd <= tally.field_dirt["PHONE_SPELLING"], "odd spellings may be read, or kept out"
