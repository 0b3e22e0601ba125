"""One process at a time in the warehouse, across runs and whatever became of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from orchestration.base.files import locked
from orchestration.base.settings import Settings, private_dir

WAREHOUSE_POOL = "warehouse"  # Dagster's: every step that opens the warehouse takes it


@contextmanager
def warehouse_lock(settings: Settings, *, is_patient: bool = True) -> Iterator[int]:
    """Wait until nobody else is in the warehouse; yields the descriptor that holds it.

    Dagster's pool keeps runs apart, but it lets the next one in when a run was killed, whose dbt may still be at work.
    A dbt that shares the descriptor holds the warehouse until it has ended, too.

    Raises:
        BlockingIOError: if it is not `is_patient` and somebody is.
    """
    with locked(private_dir(settings.scratch_dir) / ".warehouse.lock", is_patient=is_patient) as descriptor:
        yield descriptor
