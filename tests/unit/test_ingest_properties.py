"""Whatever the contract and whatever the file: conservation, idempotence, and no digit of a person in quarantine."""

from __future__ import annotations

import tempfile
from pathlib import Path
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.small_site import DAY, SmallSite, is_conserved

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
