"""The rows that a gate's latest verdict found wrong, read again from where they lie, and masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

import duckdb

from orchestration.base.refusal import Refusal, unknown
from orchestration.base.settings import Settings
from orchestration.base.sql import connect, first_line
from orchestration.contracts import Feed
from orchestration.gates.outcome import Outcome
from orchestration.gates.overrides import GateName
from orchestration.gates.shown_rows import failing_rows
from orchestration.gates.suites import load_suite
from orchestration.ingest.profile import create_delivery_profile
from orchestration.ingest.receipt import newest, read_receipts


class FailingRowsError(Refusal):
    """The rows cannot be read now; the message says why."""


@dataclass(frozen=True)
class Failure:
    """What the verdict said of one expectation, and the rows that it named; none if no single row is to blame."""

    said: Outcome
    rows: tuple[Mapping[str, Any], ...]


def read_failures(settings: Settings, feeds: Mapping[str, Feed], gate: str, limit: int) -> list[Failure]:
    """The failures of a gate, or of one expectation or day of it, each with at most `limit` rows.

    Raises:
        OverrideError: if it is no gate's name.
        UnknownNameError: if there is no such gate, or expectation of it.
        FailingRowsError: if the relation cannot be read, because a run is writing or has changed it.
    """
    name = GateName.parse(gate)
    verdict = name.verdict(settings)
    judged = {one.id for one in load_suite(name.stage, name.relation, site=settings.site).expectations}
    judged |= {failure.expectation_id for failure in verdict.failures}
    if name.expectation_id and name.expectation_id not in judged:
        raise unknown(f"expectation of {name.stage}/{name.relation}", name.expectation_id, judged)
    failures = [failure for failure in verdict.failures if name.concerns(failure)]
    if not any(failure.failing_rows_sql for failure in failures):
        return [Failure(failure, ()) for failure in failures]
    try:
        with _judged(settings, feeds, name) as con:
            rows = [
                found
                for _, of_one in groupby(failures, attrgetter("expectation_id"))
                for found in failing_rows(con, list(of_one), limit)
            ]
        return [Failure(said, found) for said, found in zip(failures, rows, strict=True)]
    except duckdb.IOException as error:
        raise FailingRowsError(f"The warehouse cannot be read while a run writes to it: {first_line(error)}") from None
    except duckdb.Error as error:
        raise FailingRowsError(f"{gate}: what was judged is no longer as it was: {first_line(error)}") from None


@contextmanager
def _judged(settings: Settings, feeds: Mapping[str, Feed], name: GateName) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in which the relation that the gate judged can be read."""
    if name.stage != "raw":
        with connect(settings, str(settings.warehouse), read_only=True) as con:
            yield con
        return
    with connect(settings) as con:
        create_delivery_profile(
            con, settings, feeds[name.relation], newest(read_receipts(settings.raw_dir, name.relation))
        )
        yield con
