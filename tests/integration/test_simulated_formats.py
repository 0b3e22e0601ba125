"""Sample extracts as their sources write them, all compressed, or all Parquet: ingest accepts the same rows."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import get_args

from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.contracts import load_feeds
from orchestration.ingest import ingest
from orchestration.runtime.partitions import days_between
from orchestration.simulator import simulate
from orchestration.simulator.formats import FileFormat
from orchestration.warehouse.raw_relations import refresh_raw
from tests.support.world import KEY

FIRST, LAST = date(2026, 2, 6), date(2026, 2, 8)
Row = tuple[object, ...]


def _accepted(home: Path, file_format: FileFormat) -> dict[str, list[Row]]:
    """Rows by feed that ingest accepts of three dirty days, in the order of their values."""
    settings = Settings(home=home, pseudonym_key=KEY)
    simulate(
        settings.landing_dir, first_day=FIRST, last_day=LAST, history_from=FIRST, panel=0.0005, dirt=4,
        file_format=file_format,
    )  # fmt: skip
    feeds = load_feeds(settings)
    for feed in feeds.values():
        ingest(settings, feed, days_between(FIRST, LAST))
    with connect(settings) as con:
        refresh_raw(con, settings, feeds)
        return {
            feed.name: con.execute(
                f"select dt, {', '.join(column.raw_name for column in feed.columns)} from raw.{feed.name} order by all"
            ).fetchall()
            for feed in feeds.values()
        }


def test_compressed_files_and_parquet_give_the_rows_that_plain_files_give(tmp_path: Path) -> None:
    plain, *others = (_accepted(tmp_path / file_format, file_format) for file_format in get_args(FileFormat))
    assert all(plain[feed] for feed in ("payments", "subscriptions", "portability_events", "cell_registry"))
    assert others == [plain, plain]
