"""`reports/reconciliation.html`: whether providers' books agree with the clearing house, by provider and by day.

Ports are counted, none is named: which they are is asked of `churn.port_reconciliation`, in the restricted file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from orchestration.base.settings import Settings
from orchestration.base.sql import connect, literal
from orchestration.reporting.pages import environment, write_page
from orchestration.serving.generations import current_file, current_publication
from orchestration.serving.sealed import readable

_RELATION = "churn.port_reconciliation"
#: What two views of a port can come to, the best first.
AGREEMENTS = ("MATCHED", "DIFFERENT_DAY", "DIFFERENT_STATE", "ONE_SIDED")
_DAYS = 60
_SIDES = f"""
    select donor_provider as provider, 'donor' as side, donor_status as status, donor_processed_on as booked_on, *
    from published.{_RELATION} where is_donor_reporting
    union all by name
    select recipient_provider as provider, 'recipient' as side, recipient_status as status,
        recipient_processed_on as booked_on, *
    from published.{_RELATION} where is_recipient_reporting
"""


def write_reconciliation(settings: Settings) -> Path | None:
    """Write the page anew and return where; None where no provider reports, or the relation is not published."""
    publication, file = current_publication(settings), current_file(settings, "restricted")
    if file is None or publication is None or _RELATION not in {entry.relation for entry in publication.relations}:
        return None
    with readable(settings, file) as sealed, connect(settings) as con:
        con.execute(f"attach {literal(str(sealed))} as published (read_only)")
        con.execute(f"create temp view sides as {_SIDES}")
        providers = _rows(
            con, f"select provider, side, count(*) as ports, {_counts()} from sides group by all order by all"
        )
        if not providers:
            return None
        page = environment(settings).get_template("reconciliation.html").render(
            agreements=AGREEMENTS, providers=providers, publication=publication,
            days=_rows(
                con,
                f"select processed_on, count(*) as ports, {_counts()} from published.{_RELATION} "
                f"where processed_on is not null group by all order by processed_on desc limit {_DAYS}",
            ),
            differences=_rows(
                con,
                "select provider, side, coalesce(clearing_house_status, 'not known') as clearing_house, "
                "coalesce(status, 'not known') as books, booked_on - clearing_house_processed_on as days_later, "
                "count(*) as ports from sides "
                "where status is distinct from clearing_house_status or booked_on <> clearing_house_processed_on "
                "group by all order by ports desc, provider, side, clearing_house, books, days_later limit 30",
            ),
        )  # fmt: skip
    return write_page(settings, "reconciliation.html", page)


def _counts() -> str:
    return ", ".join(f"count(*) filter (agreement = '{name}') as {name.lower()}" for name in AGREEMENTS)


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    result = con.execute(query)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
