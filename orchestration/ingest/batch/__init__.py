"""Some deliveries of one feed, read, judged and written by a handful of statements.

Each row of each file gets a sequence number, its position in the batch, and ends in exactly one place:

    files ──▶ judged ──▶ accepted      raw/<feed>/dt=D/rev=N/
                   ├───▶ quarantined   masked, with every reason
                   └───▶ duplicate
          └▶ rejects ──▶ quarantined   lines that are not rows: wrong number of columns, open quotes
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from orchestration.base.machine import CRASHES
from orchestration.ingest.batch.agreement import refuse_what_disagrees
from orchestration.ingest.batch.counting import count, find_repeats
from orchestration.ingest.batch.reading import read_all
from orchestration.ingest.batch.tables import Batch, Outcome
from orchestration.ingest.batch.writing import write
from orchestration.ingest.delivery import Delivery
from orchestration.privacy.vault import Vault

__all__ = ["Batch", "Outcome", "run_batch"]


def run_batch(
    batch: Batch, vault: Vault, deliveries: Sequence[Delivery], accepted: Path, quarantined: Path
) -> list[Outcome]:
    """Judge the rows of deliveries that fit into memory together; write them below the two folders, as `dt=…`.

    A delivery that cannot be read is refused alone; the others are not held up by it. If reading crashes DuckDB, which
    one of several did it is not known: that is the caller's to find out, on another connection for each.
    """
    outcomes = {delivery.dt: Outcome(delivery) for delivery in deliveries}
    try:
        read_all(batch, outcomes)
    except CRASHES as error:
        if not batch.is_alone:
            raise
        names = ", ".join(map(deliveries[0].name_of, deliveries[0].files))
        outcomes[deliveries[0].dt].refusal = f"{names}: cannot be read ({type(error).__name__})"
        return list(outcomes.values())
    if any(not outcome.refusal for outcome in outcomes.values()):
        find_repeats(batch)
        count(batch, outcomes)
        refuse_what_disagrees(batch, outcomes)
        write(batch, vault, outcomes, accepted, quarantined)
    batch.clear()
    return list(outcomes.values())
