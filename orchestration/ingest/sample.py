"""What would become of a file under a contract: a real ingest, into a temporary folder that is removed again."""

from __future__ import annotations

import json
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import SecretStr

from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings, private_dir
from orchestration.base.sql import connect, exact, literal
from orchestration.contracts import Column, Feed
from orchestration.ingest.batch.masked import masked_texts, masked_values
from orchestration.ingest.batch.tables import Batch
from orchestration.ingest.batch.weighed import weighed_sql
from orchestration.ingest.faults import RefusedError, reading
from orchestration.ingest.ingest import ingest
from orchestration.ingest.layout import Layout, read_layout, source_sql
from orchestration.ingest.names import SUFFIXES, is_data, why_not_data
from orchestration.ingest.quarantine import BadRow, read_bad_rows
from orchestration.ingest.receipt import Receipt
from orchestration.ingest.survey import survey
from orchestration.privacy import numbers

_DAY_FOLDER = re.compile(r"dt=(\d{4}-\d{2}-\d{2})")


class SampleError(Refusal):
    """There is no such file, or its name says that it is not an extract."""


@dataclass(frozen=True)
class Matched:
    """A column of the contract, and the place (from 1) and header of the file's column that it is read from.

    Without a place it is absent, or what stands for the header says what each row has.
    """

    column: str
    place: int | None
    header: str | None


@dataclass(frozen=True)
class Read:
    """A row that would be accepted: per column its text in the file and the value in raw, masked where personal."""

    cells: dict[str, tuple[str | None, str | None]]


@dataclass(frozen=True)
class Trial:
    """What a sample would come to; `bad_rows` are masked, as quarantine would hold them."""

    receipt: Receipt
    columns: list[Matched]
    unknown: list[str]
    good_rows: list[Read]
    bad_rows: list[BadRow]


def try_sample(
    settings: Settings, feed: Feed, sample: Path, limit: int = 20, *, dt: date | None = None, rows: int = 3
) -> Trial:
    """Ingest a file under a throw-away key, somewhere temporary; the installation is neither read nor written.

    Without an extract date it is that of the file's folder (`dt=…`), else today. Of the accepted rows the first few
    are shown as they were read, of the others up to `limit`.

    Raises:
        SampleError: naming what is wrong with the path.
    """
    if not sample.exists():
        raise SampleError(f"{sample}: there is no such file")
    if not is_data(sample.name, feed.suffixes):
        endings = ", ".join((*SUFFIXES, *feed.suffixes))
        raise SampleError(f"{sample.name}: {why_not_data(sample.name) or f'an extract is named {endings}'}")
    found = _DAY_FOLDER.fullmatch(sample.resolve().parent.name)
    dt = dt or (date.fromisoformat(found[1]) if found else date.today())
    with _elsewhere(settings) as trial:
        folder = private_dir(trial.landing_dir / feed.name / f"dt={dt}")
        (folder / sample.name).symlink_to(sample.resolve())
        receipt = ingest(trial, feed, [dt])[0].receipt
        columns, unknown, good = _look(trial, feed, folder / sample.name, dt, rows)
        return Trial(receipt, columns, unknown, good, read_bad_rows(trial, feed.name, dt, limit))


@contextmanager
def _elsewhere(settings: Settings) -> Iterator[Settings]:
    """The same site in a temporary home, with a key of its own."""
    with tempfile.TemporaryDirectory(prefix="ringfence-sample-") as home:
        yield Settings(
            home=Path(home),
            landing=Path(home) / "landing",
            site=settings.site,
            timezone=settings.timezone,
            memory_limit=settings.memory_limit,
            pseudonym_key=SecretStr(secrets.token_hex(32)),
        )


def _look(trial: Settings, feed: Feed, path: Path, dt: date, rows: int) -> tuple[list[Matched], list[str], list[Read]]:
    """Which column is read from where, and what became of the first acceptable rows; nothing of an unreadable file."""
    scratch = private_dir(trial.scratch_dir)
    with connect(trial) as con:
        numbers.install(con, trial.site_profile.numbers)
        try:
            surveyed = survey(path, feed, scratch)
            layout = read_layout(con, surveyed, feed, scratch)
        except RefusedError:
            return [], [], []
        columns = [
            Matched(column.name, None, _instead(column))
            if position is None
            else Matched(column.name, position + 1, " ".join(layout.header[position].split()))
            for column, position in zip(feed.columns, layout.positions, strict=True)
        ]
        try:
            with reading(surveyed.name, surveyed.readable):
                query = _good_rows_sql(Batch(con, feed, trial.site_profile.numbers, scratch), layout, dt, rows)
                found = con.execute(query, [[exact(surveyed.readable)]]).fetchall() if rows else []
        except RefusedError:  # what can only be read line by line is told by its bad rows
            found = []
    shown = [(json.loads(texts), json.loads(values)) for texts, values in found]
    good = [Read({name: (texts[name], values[name]) for name in texts}) for texts, values in shown]
    return columns, list(layout.unknown), good


def _instead(column: Column) -> str | None:
    """What a column has that is read from none of the file."""
    if column.is_row_number:
        return "the row's number"
    return None if column.constant is None else f"always {column.constant!r}"


def _good_rows_sql(batch: Batch, layout: Layout, dt: date, rows: int) -> str:
    """SQL for the texts and the values, as JSON, of the first acceptable rows of the file bound as $1."""
    source = source_sql(layout, batch.feed)
    texts = f"select read.* exclude (file_index), date {literal(dt)} as dt from ({source}) as read"
    shown = f"{masked_texts(batch.feed)}, {masked_values(batch.feed)}"
    return f"with {weighed_sql(batch, layout, texts)} select {shown} from weighed where not _is_bad limit {rows}"
