"""Whatever the contract and whatever the file: conservation, idempotence, and no digit of a person in quarantine."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.ingest import Receipt
from tests.support.small_site import DAY, HEADER, SmallSite, is_conserved, line

_SECRET = "0107654"  # begins every subscriber number below, and occurs nowhere else
_TYPES = ["string", "integer", "number", "boolean", "date", "timestamp"]
_CELL = st.one_of(
    st.sampled_from(["", " ", "1", "-2", "1,234", "Y", "true", "2026-01-03", "2026-01-03 09:00:00", "20260103", "x"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12),
)
_NUMBER = st.integers(0, 9999).map(lambda n: f"{_SECRET}{n:04}")


@st.composite
def contracts(draw: st.DrawFn) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Options and columns of a feed; the first column is its key, the second a subscriber number."""
    columns: list[dict[str, object]] = [
        {"name": "id", "logicalType": "string", "primaryKey": True},
        {"name": "msisdn", "logicalType": "string", "classification": "pii", "pseudonym": "number"},
    ]
    for n, kind in enumerate(draw(st.lists(st.sampled_from(_TYPES), max_size=4))):
        columns.append({"name": f"c{n}", "logicalType": kind, "required": draw(st.booleans())})
    options = {
        "delimiter": draw(st.sampled_from([",", ";", "|", "\t"])),
        "quote": draw(st.sampled_from(['"', ""])),
        "encoding": draw(st.sampled_from(["utf-8", "utf-16"])),
        "thousandsSeparator": draw(st.sampled_from(["", ","])),
    }
    return options, columns


@st.composite
def files(draw: st.DrawFn) -> tuple[SmallSite, bytes]:
    """A site with such a feed, and a file for it, more or less."""
    options, columns = draw(contracts())
    site = SmallSite(Path("unset"), options=options, columns=columns)
    quote, delimiter = str(options["quote"]), str(options["delimiter"])

    def spelled(cell: str) -> str:
        if quote and draw(st.booleans()):
            return quote + cell.replace(quote, quote * 2) + quote
        return cell

    rows = [[str(column["name"]) for column in columns]]
    for _ in range(draw(st.integers(0, 12))):
        others = [spelled(draw(_CELL)) for _ in columns[2:]]
        rows.append([spelled(draw(st.sampled_from(["A", "B", "C", "D", "E"]))), spelled(draw(_NUMBER)), *others])
        rows[-1] = rows[-1][: draw(st.sampled_from([99, 99, 99, 2]))]
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return site, end.join(delimiter.join(row) for row in rows).encode(str(options["encoding"]))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(files())
def test_every_record_ends_in_one_place_once_and_nobody_is_in_quarantine(file: tuple[SmallSite, bytes]) -> None:
    site, content = file
    with tempfile.TemporaryDirectory() as root, patch("os.fsync"):
        site.root = Path(root)
        site.drop(content)
        receipt = site.ingest()
        assert receipt.refusal is not None or is_conserved(receipt)
        bad = site.bad_rows()
        assert len(site.rows(receipt)) == receipt.rows_accepted
        assert len(bad) == receipt.rows_quarantined
        assert all(row.reasons for row in bad)
        assert [row.row_number for row in bad] == sorted({row.row_number for row in bad})
        shown = "".join(row.masked_row for row in bad) + receipt.model_dump_json(include={"refusal", "unknown_columns"})
        assert _SECRET not in shown
        assert _SECRET[1:] not in shown
        assert site.ingest(DAY) == receipt, "the same bytes again change nothing"


_DAYS = [DAY + timedelta(n) for n in range(3)]


@st.composite
def deliveries(draw: st.DrawFn) -> list[tuple[date, date, bool, int]]:
    """Rows as (day it belongs to, day it is delivered with, missing at first, number), in any order of arrival."""
    numbers = draw(st.lists(st.integers(0, 30), min_size=1, max_size=10, unique=True))
    return [
        (dt, draw(st.sampled_from([day for day in _DAYS if day >= dt])), draw(st.booleans()), number)
        for number in numbers
        for dt in [draw(st.sampled_from(_DAYS))]
    ]


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(deliveries(), st.permutations(_DAYS))
def test_what_comes_late_or_is_corrected_ends_as_if_it_had_come_on_time(
    rows: list[tuple[date, date, bool, int]], order: list[date]
) -> None:
    with tempfile.TemporaryDirectory() as root, patch("os.fsync"):
        on_time, late = SmallSite(Path(root) / "on-time"), SmallSite(Path(root) / "late")
        for dt in _DAYS:
            on_time.drop(HEADER + "".join(_row(n, day) for day, _, _, n in rows if day == dt), dt=dt)
        for is_corrected in (False, True):
            for dt in order:
                sent = [
                    (n, day) for day, with_, is_missing, n in rows if with_ == dt and (is_corrected or not is_missing)
                ]
                late.drop(HEADER + "".join(_row(n, day) for n, day in sent), dt=dt)
                late.ingest(dt)
        assert _in_force(late, {dt: late.ingest(dt) for dt in _DAYS}) == _in_force(
            on_time, {dt: on_time.ingest(dt) for dt in _DAYS}
        )


def _row(number: int, day: date) -> str:
    return line(number, charged_on=day.isoformat(), charged_at=f"{day} 09:00:00")


def _in_force(site: SmallSite, receipts: dict[date, Receipt]) -> list[tuple[Any, ...]]:
    """Rows of the newest revision of each day, whichever day brought them."""
    return sorted(row for receipt in receipts.values() for row in site.rows(receipt, "* exclude (dt, rev)"))
