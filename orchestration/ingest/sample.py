"""What would become of a file under a contract: a real ingest, into a temporary folder that is removed again."""

from __future__ import annotations

import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
from pydantic import SecretStr

from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings, private_dir
from orchestration.contracts import Feed
from orchestration.ingest.faults import RefusedError
from orchestration.ingest.ingest import ingest
from orchestration.ingest.layout import read_layout
from orchestration.ingest.names import SUFFIXES, is_data, why_no_data
from orchestration.ingest.quarantine import BadRow, read_bad_rows
from orchestration.ingest.receipt import Receipt
from orchestration.ingest.survey import survey

_DAY_FOLDER = re.compile(r"dt=(\d{4}-\d{2}-\d{2})")


class SampleError(Refusal):
    """There is no such file, or its name says that it is no extract."""


@dataclass(frozen=True)
class Matched:
    """A column of the contract, and the place (from 1) and header of the file's column that it is read from."""

    column: str
    place: int | None
    header: str | None


@dataclass(frozen=True)
class Trial:
    """What a sample would come to; `bad_rows` are masked, as quarantine would hold them."""

    receipt: Receipt
    columns: list[Matched]
    unknown: list[str]
    bad_rows: list[BadRow]


def try_sample(settings: Settings, feed: Feed, sample: Path, limit: int = 20) -> Trial:
    """Ingest a file under a throw-away key, somewhere temporary; the installation is neither read nor written.

    The extract date is that of the file's folder (`dt=…`), else today.

    Raises:
        SampleError: naming what is wrong with the path.
    """
    if not sample.exists():
        raise SampleError(f"{sample}: there is no such file")
    if not is_data(sample.name, feed.suffixes):
        endings = ", ".join((*SUFFIXES, *feed.suffixes))
        raise SampleError(f"{sample.name}: {why_no_data(sample.name) or f'an extract is named {endings}'}")
    found = _DAY_FOLDER.fullmatch(sample.resolve().parent.name)
    dt = date.fromisoformat(found[1]) if found else date.today()
    with _elsewhere(settings) as trial:
        folder = private_dir(trial.landing_dir / feed.name / f"dt={dt}")
        (folder / sample.name).symlink_to(sample.resolve())
        receipt = ingest(trial, feed, [dt])[0].receipt
        columns, unknown = _columns(feed, folder / sample.name, private_dir(trial.scratch_dir))
        return Trial(receipt, columns, unknown, read_bad_rows(trial, feed.name, dt, limit))


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


def _columns(feed: Feed, path: Path, scratch: Path) -> tuple[list[Matched], list[str]]:
    """Which column is read from where; nothing, if the file cannot be read at all."""
    try:
        with duckdb.connect() as con:
            layout = read_layout(con, survey(path, feed, scratch), feed, scratch)
    except RefusedError:
        return [], []
    return [
        Matched(column.name, None, None)
        if position is None
        else Matched(column.name, position + 1, " ".join(layout.header[position].split()))
        for column, position in zip(feed.columns, layout.positions, strict=True)
    ], list(layout.unknown)
