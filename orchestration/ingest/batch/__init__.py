"""Some deliveries of one feed, read, judged and written by a handful of statements.

Each row of each file gets a sequence number, its position in the batch, and ends in exactly one place:

    files ──▶ judged ──▶ accepted      raw/<feed>/dt=D/rev=N/
                   ├───▶ quarantined   masked, with every reason
                   └───▶ duplicate
          └▶ rejects ──▶ quarantined   lines that are no rows: wrong number of columns, open quotes
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from orchestration.ingest.batch.agreement import refuse_what_disagrees
from orchestration.ingest.batch.bench import Bench, Outcome
from orchestration.ingest.batch.counting import count, find_repeats
from orchestration.ingest.batch.reading import read_all
from orchestration.ingest.batch.writing import write
from orchestration.ingest.delivery import Delivery
from orchestration.privacy.vault import Vault

__all__ = ["Bench", "Outcome", "run_batch"]

#: What DuckDB raises when a file is not what it seems; anything else is a fault of ours or of the machine.
_FILE_ERRORS = (duckdb.InvalidInputException, duckdb.IOException, duckdb.ConversionException)


def run_batch(
    bench: Bench, vault: Vault, deliveries: Sequence[Delivery], accepted: Path, quarantined: Path
) -> list[Outcome]:
    """Judge the rows of deliveries that fit into memory together; write them below the two folders, as `dt=…`.

    A delivery that cannot be read is refused alone; the others are not held up by it.
    """
    outcomes = {delivery.dt: Outcome(delivery) for delivery in deliveries}
    try:
        try:
            read_all(bench, outcomes)
        except duckdb.Error as error:
            if not _is_about_files(error, deliveries, bench.scratch):
                raise
            if len(deliveries) > 1:  # find the one that cannot be read
                bench.clear()
                return [run_batch(bench, vault, [one], accepted, quarantined)[0] for one in deliveries]
            (outcome,) = outcomes.values()
            outcome.refusal = _where(error, outcome.delivery)
        if any(not outcome.refusal for outcome in outcomes.values()):
            find_repeats(bench)
            count(bench, outcomes)
            refuse_what_disagrees(bench, outcomes)
            write(bench, vault, outcomes, accepted, quarantined)
    finally:
        bench.clear()
    return list(outcomes.values())


def _is_about_files(error: duckdb.Error, deliveries: Sequence[Delivery], scratch: Path) -> bool:
    """Whether a reader's error is the file's fault. A damaged Parquet page raises errors of no class at all."""
    if isinstance(error, duckdb.IOException):
        paths = [str(scratch), *(str(delivery.folder) for delivery in deliveries)]
        return any(path in str(error) for path in paths) and "write" not in str(error)
    if type(error) is duckdb.Error:
        return any(path.name.endswith(".parquet") for delivery in deliveries for path in delivery.files)
    return isinstance(error, _FILE_ERRORS)


def _where(error: duckdb.Error, delivery: Delivery) -> str:
    """A reader's error without the data that it quotes: its kind, and the file if it names one."""
    text = str(error)
    names = [path.name for path in delivery.files if path.name in text] or [path.name for path in delivery.files]
    return f"{names[0]}: cannot be read ({type(error).__name__})"
