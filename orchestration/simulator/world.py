"""From a scenario and a seed to a landing folder full of deliveries.

The world (ports, lines, cells, payments, fraud) is made by the SQL files beside this module inside an in-memory
DuckDB; every draw is a hash of the seed and the key of what is drawn for, so that the same seed gives the same bytes
however many threads work. `extracts.py` writes what each source would have sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from orchestration.base.refusal import Refusal
from orchestration.base.sql import exact, literal
from orchestration.simulator.extracts import SQL, FeedTally, add_to_manifest, clear_days, write_days
from orchestration.simulator.formats import FeedFormat, FileFormat
from orchestration.simulator.lives import live
from orchestration.simulator.scenario import Scenario
from orchestration.simulator.truth import prepare, write_period, write_world
from orchestration.simulator.written_feeds import FORMATS

Progress = Callable[[str, int, int], None]

LIVES = "lives"  # drawn by lives.py, period by period
WORLD = (
    "macros", "slots", "people", "flows", "port_slots", "network", "fraud", "carrier", LIVES, "booking", "ports",
    "provider_books", "lines", "fees", "invoices", "regulator", "payers", "fraud_year", "payments", "core_network",
    "desk", "retention",
)  # fmt: skip
PLANTED = (
    "select payment_id, scheme from fraud_charge union all select payment_id, kind from year_charge where is_fraud"
)
REACH_BACK_DAYS = 9  # five days late, one behind a missing file, two until a payment is cancelled, one spare
MEMORY_LIMIT = "5GB"
ROWS_IN_HAND = 3_000_000  # payments made at a time; keeps a whole carrier's panel within memory


@dataclass(frozen=True)
class SimulationSummary:
    """What a simulation wrote: settings, row tallies by feed, and the totals of the fraud story.

    `planted` is the truth that the files do not tell: the kind of fraud by `payment_id`, refused attempts included.
    """

    out: Path
    scenario: str
    seed: int
    panel: float
    first_day: date
    last_day: date
    feeds: dict[str, FeedTally]
    story: dict[str, int]
    planted: dict[str, str]

    @property
    def rows(self) -> int:
        """Rows of all feeds, broken and repeated ones included."""
        return sum(tally.rows for tally in self.feeds.values())


def package_fingerprint() -> str:
    """Identity of the simulator itself: the same settings under the same fingerprint write the same bytes."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*")):
        if path.suffix in {".py", ".sql", ".toml", ".csv"}:
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def simulate(
    out: Path,
    *,
    seed: int = 20260103,
    panel: float = 0.02,
    dirt: float = 1.0,
    scenario: str = "kt_2025",
    first_day: date = date(2025, 8, 1),
    last_day: date = date(2026, 2, 28),
    history_from: date = date(2024, 12, 31),
    feeds: Collection[str] | None = None,
    provider_books: bool = False,
    file_format: FileFormat = "csv",
    field_dirt: bool = False,
    truth: Path | None = None,
    progress: Progress | None = None,
) -> SimulationSummary:
    """Write the deliveries of first_day to last_day (inclusive) under `out`, of all feeds or of those named.

    Of all feeds, what providers' own books say is written only with `provider_books`: an operator has no such feed.
    `panel` is the share of lines that billing covers, `dirt` scales what is wrong with the files (0 = clean);
    `field_dirt` adds what no contract announces (field_dirt.py); what the files do not tell goes to `truth` (truth.py).
    The first delivery also holds the ports since `history_from` and every line. In every `file_format` a correct ingest
    accepts the same rows. Raises Refusal for an unknown
    scenario or an impossible window or share.
    """
    story = Scenario.load(scenario)
    if not first_day <= last_day or not 0 < panel <= 1 or not 0 <= dirt <= 10:  # noqa: PLR2004
        raise Refusal(f"cannot simulate {first_day}..{last_day} with panel {panel} (0..1] and dirt {dirt} [0..10]")
    report = progress or (lambda _stage, _done, _total: None)
    # every line of the carrier needs some 7 GB: what does not fit goes where there must be room anyway
    out.mkdir(parents=True, exist_ok=True)
    if truth is not None:
        prepare(truth, out)
    with duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(out / ".spill")}) as connection:
        _set_variables(connection, {"field_dirt": field_dirt})
        _build_world(connection, story, report, seed, panel, dirt, first_day, last_day, history_from, truth)
        formats = [
            fmt for fmt in FORMATS if (provider_books or not fmt.on_demand if feeds is None else fmt.feed in feeds)
        ]

        def write(own: duckdb.DuckDBPyConnection, fmt: FeedFormat) -> FeedTally:
            return _write_feed(own, fmt, file_format, out, story, first_day, last_day, report)

        tallies = _beside_each_other(connection, formats, write)
        if truth is not None:
            write_world(connection, truth, tallies)
        return SimulationSummary(
            out=out,
            scenario=scenario,
            seed=seed,
            panel=panel,
            first_day=first_day,
            last_day=last_day,
            feeds=tallies,
            story=_story_totals(connection),
            planted=dict(connection.execute(PLANTED).fetchall()),
        )


def _set_variables(connection: duckdb.DuckDBPyConnection, variables: dict[str, object]) -> None:
    for name, value in variables.items():
        connection.execute(f"set variable {name} = $value", {"value": value})


def _build_world(
    connection: duckdb.DuckDBPyConnection,
    story: Scenario,
    report: Progress,
    seed: int,
    panel: float,
    dirt: float,
    first_day: date,
    last_day: date,
    history_from: date,
    truth: Path | None = None,
) -> None:
    variables = story.settings | {
        "seed": seed,
        "panel": panel,
        "dirt": float(dirt),
        "first_day": first_day,
        "last_day": last_day,
        "history_from": min(history_from, first_day),
        "from_day": first_day,
        "to_day": last_day,
        "reach_back_days": REACH_BACK_DAYS,
    }
    _set_variables(connection, variables)
    connection.execute("set global partitioned_write_max_open_files = 400")  # one a day, at most 366 days at a time
    for name, path in story.tables.items():
        connection.read_csv(exact(path), header=True).create(name)
    for done, part in enumerate(WORLD):
        report(f"world: {part}", done, len(WORLD))
        if part == LIVES:
            for period in live(connection):
                report(f"world: {part} until {period.to_day}", done, len(WORLD))
                if truth is not None:
                    write_period(connection, truth, period)
        else:
            connection.execute((SQL / f"{part}.sql").read_text("utf-8"))


def _beside_each_other(
    connection: duckdb.DuckDBPyConnection,
    formats: Sequence[FeedFormat],
    write: Callable[[duckdb.DuckDBPyConnection, FeedFormat], FeedTally],
) -> dict[str, FeedTally]:
    """Write the feeds beside each other, as many as there are threads: a file is written by one, in order."""
    [[threads]] = connection.execute("select current_setting('threads')").fetchall()
    _keep_variables(connection)
    connection.execute("set threads = 1")
    cursors = {fmt.feed: connection.cursor() for fmt in formats}
    writing: dict[str, Future[FeedTally]] = {}

    def write_in_turn(fmt: FeedFormat) -> FeedTally:
        if fmt.after in writing:
            writing[fmt.after].result()
        _take_variables(cursors[fmt.feed])
        return write(cursors[fmt.feed], fmt)

    with ThreadPoolExecutor(threads) as pool:
        try:
            for fmt in formats:
                writing[fmt.feed] = pool.submit(write_in_turn, fmt)
            tallies = {feed: future.result() for feed, future in writing.items()}
        except BaseException:  # Ctrl-C too waits for no file
            pool.shutdown(wait=False, cancel_futures=True)
            for cursor in cursors.values():
                cursor.interrupt()
            raise
    connection.execute(f"set threads = {threads}")
    return tallies


def _keep_variables(connection: duckdb.DuckDBPyConnection) -> None:
    """Lay the variables of a connection into a table: another connection has none of them."""
    names = connection.execute("select name from duckdb_variables()").fetchall()
    values = ", ".join(f"getvariable('{name}') as {name}" for (name,) in names)
    connection.execute(f"create table kept_variable as select {values}")


def _take_variables(connection: duckdb.DuckDBPyConnection) -> None:
    for name in connection.table("kept_variable").columns:
        connection.execute(f"set variable {name} = (select {name} from kept_variable)")


def _write_feed(
    connection: duckdb.DuckDBPyConnection,
    fmt: FeedFormat,
    file_format: FileFormat,
    out: Path,
    story: Scenario,
    first_day: date,
    last_day: date,
    report: Progress,
) -> FeedTally:
    tally = FeedTally()
    missing = story.missing.get(fmt.feed, frozenset())
    without_manifest = story.without_manifest.get(fmt.feed, frozenset())
    clear_days(out, fmt.feed, first_day, last_day)
    _set_variables(connection, {"missing_days": sorted(missing) or [date.min]})
    if fmt.has_history:
        _write_history(connection, fmt, out, first_day, tally)
    step = fmt.days_in_hand or _days_in_hand(connection, fmt)
    total = (last_day - first_day).days + 1
    for begin in range(0, total, step):
        report(fmt.feed, begin, total)
        from_day = first_day + timedelta(days=begin)
        to_day = min(from_day + timedelta(days=step - 1), last_day)
        _set_variables(connection, {"from_day": from_day, "to_day": to_day})
        if fmt.made_by:
            connection.execute((SQL / f"{fmt.made_by}.sql").read_text("utf-8"))
        write_days(connection, fmt, file_format, out, missing, without_manifest, tally)
    report(fmt.feed, total, total)
    return tally


def _days_in_hand(connection: duckdb.DuckDBPyConnection, fmt: FeedFormat) -> int:
    """How many days of a feed are made at a time, so that a whole carrier's panel stays within memory."""
    [[panel, payments]] = connection.execute(
        "select getvariable('panel'), (getvariable('micropayments') + getvariable('dcb_payments'))"
        " * getvariable('panel') / getvariable('payments_counted_days')"
    ).fetchall()
    return max(7, min(62, int(ROWS_IN_HAND / payments))) if fmt.made_by else max(31, min(366, int(20 / panel)))


def _write_history(
    connection: duckdb.DuckDBPyConnection, fmt: FeedFormat, out: Path, first_day: date, tally: FeedTally
) -> None:
    """Write the events before the first delivery as one Parquet file of it, spelled plainly."""
    [[begin]] = connection.execute("select getvariable('history_from')").fetchall()
    _set_variables(connection, {"from_day": begin, "to_day": first_day})
    folder = out / fmt.feed / f"dt={first_day}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{fmt.feed}-history.parquet"
    [[rows]] = connection.execute(
        f"copy (select {fmt.plain_columns()} from {fmt.feed}_event where known_on < getvariable('first_day')"
        f") to {literal(str(path))} (format parquet, compression zstd)"
    ).fetchall()
    add_to_manifest(folder, path, first_day, rows)
    tally.rows += rows
    tally.bytes += path.stat().st_size


def _story_totals(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    [row] = connection.execute(
        "select (select count(*) from rogue_cell), (select count(*) from exposed_number),"
        " (select count(distinct exposed_no) from fraud_charge), (select count(*) from fraud_charge),"
        " (select sum(amount) from fraud_charge)"
    ).fetchall()
    names = ("rogue_cells", "exposed_numbers", "victims", "payments", "amount")
    return dict(zip(names, map(int, row), strict=True))
