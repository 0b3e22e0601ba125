"""A carrier's mornings on one machine, by its size and its history, beside a bare script that does the day's work.

    python benchmarks/bench_carrier.py [--share 0.02 0.2 1] [--days 30 400] [--home FOLDER]

For each share of the carrier's lines and each length of history: extracts of the simulator, ingested and built in one
run, the history's extracts removed; then mornings by `ringfence run`, each with every feed, gate and publication. The
last morning counts: the first after a history has more to read. The bare script reads the same extracts of that day,
hashes the numbers, writes Parquet, brings payments, ports and lines to their latest state in a database that holds the
same history, counts the days that these touch, and copies the counts into a file for readers.

CPU seconds are those of the process and all that it started; the peak is of the largest of them; bytes are what they
wrote to the disk. An installation that is there already in `--home` goes on where it was. The whole grid takes hours.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

from costs import Cost, cost_of, without_settings

from orchestration.base.settings import Settings
from orchestration.base.sql import exact, literal
from orchestration.contracts import Feed, load_feeds

SHARES, DAYS = (0.02, 0.2, 1.0), (30, 400)
MORNINGS = 2
LAST = date(2026, 2, 20)
KEY = "a key of a benchmark, and of nothing else at all"

#: Relation of the bare script → its feed, its key, by what the latest row is told, its day, and what divides that day.
LATEST = {
    "payment": ("payments", "payment_id", "event_seq", "occurred_at", "product"),
    "port": ("portability_events", "port_id", "event_seq", "status_at", "status"),
    "line": ("subscriptions", "line_id", "changed_at", "changed_at", "status"),
}


class Carrier:
    """An installation with a history of some days, its mornings, and the bare script's database beside it."""

    def __init__(self, folder: Path, share: float, days: int) -> None:
        self.folder, self.share = folder / f"{share}-{days}", share
        self.first, self.last = LAST - timedelta(days - 1), LAST
        self.home, self.extracts = self.folder / "home", self.folder / "extracts"
        self.environment = without_settings() | {
            "RINGFENCE_HOME": str(self.home), "RINGFENCE_PSEUDONYM_KEY": KEY, "RINGFENCE_CONFIG": "none",
            "RINGFENCE_KEEP_GENERATIONS": "2",
            "RINGFENCE_MEMORY_LIMIT": os.environ.get("RINGFENCE_MEMORY_LIMIT", "6GB"),
        }  # fmt: skip
        self.feeds = load_feeds(Settings(home=self.home, pseudonym_key=KEY))  # type: ignore[arg-type]

    def build(self) -> tuple[Cost, Cost] | None:
        """The history in one run, and the bare script's; None if both are there already."""
        if (self.folder / "built").exists():
            return None
        shutil.rmtree(self.folder, ignore_errors=True)
        # a process of its own: what it holds would count as the peak of whatever this one starts
        self._ringfence(
            "simulate", "--out", self.extracts, "--panel", self.share, "--from", self.first,
            "--to", LAST + timedelta(MORNINGS), "--format", "parquet",
        )  # fmt: skip
        days = [self.first + timedelta(number) for number in range((LAST - self.first).days + 1)]
        bare = self.bare(days)
        self.arrive(days)
        ours = self.run(self.first, LAST)
        shutil.rmtree(self.home / "landing")
        (self.folder / "built").touch()
        return ours, bare

    def arrive(self, days: Sequence[date]) -> None:
        """The extracts of these days are laid into landing."""
        for day in days:
            for folder in self.extracts.glob(f"*/dt={day}"):
                target = self.home / "landing" / folder.parent.name / folder.name
                target.parent.mkdir(parents=True, exist_ok=True)
                folder.rename(target)

    def run(self, first: date, last: date) -> Cost:
        """`ringfence run` of these days."""
        return self._ringfence("run", "--from", first, "--to", last)

    def _ringfence(self, *arguments: object) -> Cost:
        command = [str(Path(sys.executable).with_name("ringfence")), *map(str, arguments)]
        return cost_of(command, self.environment)

    def mornings(self) -> Iterator[tuple[date, Cost, Cost]]:
        """Each morning after the history: its day, what it took, and what the bare script took."""
        for number in range(1, MORNINGS + 1):
            day = LAST + timedelta(number)
            if any(self.extracts.glob(f"*/dt={day}")):
                bare = self.bare([day])
                self.arrive([day])
                yield day, self.run(day, day), bare

    def bare(self, days: Sequence[date]) -> Cost:
        """The bare script over the extracts of these days, in a process of its own."""
        script = self.folder / "bare.py"
        script.write_text(
            "import duckdb\n"
            f"con = duckdb.connect({str(self.folder / 'bare.duckdb')!r})\n"
            f"con.execute(\"set memory_limit = '{self.environment['RINGFENCE_MEMORY_LIMIT']}'\")\n"
            + "".join(f"con.execute({statement!r})\n" for statement in self._statements(days)),
            "utf-8",
        )
        return cost_of([sys.executable, str(script)], self.environment)

    def _statements(self, days: Sequence[date]) -> Iterator[str]:
        parquet = self.folder / "bare"
        for feed in self.feeds.values():
            folders = [folder for day in days if (folder := self.extracts / feed.name / f"dt={day}").exists()]
            files = [file for folder in folders for file in sorted(folder.glob("*.parquet"))]
            if not files:
                continue
            listed = ", ".join(literal(exact(file)) for file in files)
            target = parquet / feed.name / f"{days[0]}.parquet"
            target.parent.mkdir(parents=True, exist_ok=True)
            yield f"create or replace temp table {feed.name} as select {_hashed(feed)} from read_parquet([{listed}])"
            yield f"copy {feed.name} to {literal(str(target))} (format parquet, compression zstd)"
        for table, (feed, key, order, at, by) in LATEST.items():
            day = f"try_cast({at} as date)"
            newest = f"select * from {feed} qualify row_number() over (partition by {key} order by {order} desc) = 1"
            yield f"create table if not exists {table} as select * from {feed} limit 0"
            yield f"create or replace temp table days as select distinct {day} as day from {feed}"
            yield f"delete from {table} where {key} in (select {key} from {feed})"
            yield f"insert into {table} {newest}"
            counts = f"select {day} as day, {by}, count(*) as rows from {table} where {day} in (from days)"
            yield f"create table if not exists {table}_daily as {counts} group by all limit 0"
            yield f"delete from {table}_daily where day in (from days)"
            yield f"insert into {table}_daily {counts} group by all"
        readers = self.folder / "readers.duckdb"
        yield f"attach {literal(str(readers))} as readers"
        for table in LATEST:
            yield f"create or replace table readers.{table}_daily as from {table}_daily"


def _hashed(feed: Feed) -> str:
    """All columns of a feed's extract by their names in the contract, numbers hashed."""
    columns = [column for column in feed.columns if column.headers and column.constant is None]
    return ", ".join(
        f"sha256({_found(header)}::varchar) as {column.name}"
        if column.pseudonym
        else f"{_found(header)} as {column.name}"
        for column in columns
        for header in column.headers[:1]
    )


def _found(header: str) -> str:
    return '"' + header.replace('"', '""') + '"'


def main() -> None:
    """Print the grid."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, nargs="+", default=SHARES)
    parser.add_argument("--days", type=int, nargs="+", default=DAYS)
    parser.add_argument("--home", type=Path, help="Where the installations stay; else they are removed at the end.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for share in asked.share:
            for days in asked.days:
                carrier = Carrier(asked.home or Path(folder), share, days)
                print(f"{share:.1%} of the lines, {days} days", flush=True)
                if built := carrier.build():
                    show("history", *built)
                for day, ours, bare in carrier.mornings():
                    show(str(day), ours, bare)
                if not asked.home:
                    shutil.rmtree(carrier.folder)


def show(what: str, ours: Cost, bare: Cost) -> None:
    """What was asked, what it took, and the bare script's."""
    print(f"  {what:<11} {ours}", flush=True)
    print(f"  {'bare':<11} {bare}; CPU {ours.cpu_seconds / bare.cpu_seconds:.1f}×", flush=True)


if __name__ == "__main__":
    main()
