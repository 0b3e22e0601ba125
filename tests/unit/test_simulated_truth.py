"""The folder of what the files do not tell: it agrees with the files, and nobody but the simulator knows of it."""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration.base.refusal import Refusal
from orchestration.base.settings import PACKAGE, PROJECT
from orchestration.simulator import SimulationSummary, simulate
from orchestration.simulator.scenario import SCENARIOS

FIRST, LAST = date(2026, 1, 2), date(2026, 1, 8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("truth")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> SimulationSummary:
    return simulate(
        tmp_path_factory.mktemp("landing"), first_day=FIRST, last_day=LAST, history_from=date(2025, 12, 31),
        panel=0.003, dirt=3, truth=folder,
    )  # fmt: skip


@pytest.fixture(scope="module")
def truth(made: SimulationSummary, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute(f"create view line_period as from '{folder}/line_period/*.parquet'")
        for path in folder.glob("*.parquet"):
            con.execute(f"create view {path.stem} as from '{path}'")
        yield con


def test_providers_books_are_written_only_for_who_asks(
    made: SimulationSummary, truth: duckdb.DuckDBPyConnection
) -> None:
    assert "provider_port_records" not in made.feeds
    differences = {name for (name,) in truth.sql("select distinct difference from port_record_difference").fetchall()}
    assert differences == {"NOT_IN_BOOKS", "ANOTHER_DAY", "ANOTHER_STATE", "IN_BOOKS_ALONE"}


def test_as_many_leave_as_their_true_chances_say_and_those_with_greater_chances_more_often(
    truth: duckdb.DuckDBPyConnection,
) -> None:
    [[lines, left, expected]] = truth.sql(
        "select count(*), count(left_on), sum(probability) from line_period"
    ).fetchall()
    assert lines > 40_000
    assert left == pytest.approx(expected, rel=0.001)
    low, high = truth.sql(
        "select avg((left_on is not null)::int) from (select *, ntile(2) over (order by probability) as half"
        " from line_period) group by half order by half"
    ).fetchall()
    assert high[0] > 1.3 * low[0]


def test_a_line_that_left_is_terminated_in_the_files_on_that_day(
    made: SimulationSummary, truth: duckdb.DuckDBPyConnection
) -> None:
    ended = set()
    for path in made.out.glob("subscriptions/*/*.csv"):
        for row in path.read_text("cp949").splitlines()[1:]:
            cells = row.split("|")
            if len(cells) == 19 and cells[11:13] == ["TERMINATED", "PORT_OUT"]:
                ended.add((cells[0], re.sub(r"\D", "", cells[15])[:8]))
    left = truth.sql(
        f"select line_id, strftime(left_on, '%Y%m%d') from line_period where left_on between '{FIRST}' and '{LAST}'"
    ).fetchall()
    assert len(left) > 100
    assert len(set(left) - ended) <= 0.02 * len(left), "but for late and broken rows"


def test_every_planted_payment_is_in_the_files_and_has_its_kind(
    made: SimulationSummary, truth: duckdb.DuckDBPyConnection
) -> None:
    paid = {
        row[0]
        for path in made.out.glob("payments/*/*.csv")
        for row in csv.reader(path.read_text("utf-8").splitlines()[1:])
        if row
    }
    frauds = truth.sql("select payment_id, kind from planted_payments where is_fraud").fetchall()
    assert dict(frauds) == made.planted
    year = truth.sql("select payment_id from planted_payments where kind <> 'VAN'").fetchall()
    assert len(year) > 10
    assert {payment_id for (payment_id,) in year} <= paid


def test_the_effects_of_the_scenario_are_there(made: SimulationSummary, folder: Path) -> None:
    for table in ("leaving_effects", "destination_effects", "leaving_periods", "retention_offers"):
        with (
            (folder / f"{table}.csv").open(encoding="utf-8") as told,
            (SCENARIOS / "kt_2025" / f"{table}.csv").open(encoding="utf-8") as known,
        ):
            assert len(list(csv.reader(told))) == len(list(csv.reader(known))) > 2


def test_flaws_are_counted_by_feed_and_kind(made: SimulationSummary, folder: Path) -> None:
    with (folder / "files.csv").open(encoding="utf-8") as file:
        told = {(row["feed"], row["what"], row["which"]): int(row["times"]) for row in csv.DictReader(file)}
    for feed, tally in made.feeds.items():
        assert told[feed, "ROW", ""] == tally.rows
        flaws = {which: times for (name, what, which), times in told.items() if (name, what) == (feed, "FLAW")}
        assert flaws == {flaw.name: times for flaw, times in tally.flaws.items()}
    lines = [row for path in made.out.glob("portability_events/*/*.csv") for row in path.read_text("utf-8").split("\n")]
    found = Counter(
        {
            "OPEN_QUOTE": sum(row.count('"') % 2 for row in lines),
            "NUMBER_IN_KEY": sum(row.startswith("010-") for row in lines),
            "EXTRA_COLUMN": sum(row.endswith(",?") for row in lines),
        }
    )
    assert found == {kind: told.get(("portability_events", "FLAW", kind), 0) for kind in found}
    assert found["NUMBER_IN_KEY"] > 0


def test_a_line_without_an_end_comes_once_in_a_while(made: SimulationSummary) -> None:
    long = sum(
        len(row) > 2_000_000
        for path in made.out.glob("cell_attachments/*/*.csv.gz")
        for row in gzip.decompress(path.read_bytes()).split(b"\n")
    )
    assert long == made.feeds["cell_attachments"].flaws.get(18, 0)  # type: ignore[call-overload]


def test_a_folder_that_the_pipeline_would_find_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="another folder"):
        simulate(tmp_path / "landing", first_day=FIRST, last_day=FIRST, truth=tmp_path / "landing" / "truth")


def test_nothing_but_the_simulator_and_its_command_knows_of_the_truth(folder: Path, made: SimulationSummary) -> None:
    # two of them are called as columns of a mart are
    names = {path.stem for path in folder.iterdir()} - {"files", "exposed_numbers", "rogue_cells"}
    assert {"line_period", "planted_payments", "leaving_effects"} <= names
    dbt = PROJECT / "dbt_project"
    read = [
        path
        for root in (PACKAGE, dbt / "models", dbt / "macros", PROJECT / "expectations")
        for path in root.rglob("*")
        if path.suffix in {".py", ".sql", ".yml", ".yaml", ".json"} and "simulator" not in path.parts
    ]
    assert len(read) > 300
    knowing = {path.name for path in read if re.search(rf"\b({'|'.join(names)})\b", path.read_text("utf-8"))}
    assert knowing == set()
    assert {path.name for path in read if "truth" in path.read_text("utf-8").lower()} == {"running.py"}
