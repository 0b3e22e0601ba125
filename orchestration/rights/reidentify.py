"""The audited way back: from named cases, alerts or pseudonyms to the numbers behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import duckdb

from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings
from orchestration.base.sql import connect, identifier, literal
from orchestration.privacy.custody import shared
from orchestration.privacy.vault import Vault
from orchestration.rights import audit
from orchestration.serving.generations import current_file
from orchestration.serving.sealed import readable


class UnknownCaseError(Refusal):
    """What was asked for is not in the published restricted file."""


@dataclass(frozen=True)
class Identified:
    """One thing that was asked for, its pseudonym, and the value behind it: None if the vault has none (any more)."""

    asked: str
    number_key: UUID
    value: str | None


def reidentify(
    settings: Settings,
    reason: str,
    *,
    cases: Sequence[str] = (),
    alerts: Sequence[str] = (),
    number_keys: Sequence[UUID] = (),
) -> list[Identified]:
    """The numbers of named cases, of the payments of named alerts, and behind named pseudonyms.

    An entry in the audit log is on disk before anything is returned.

    Raises:
        AuditError: if the log cannot be written, or no reason is given.
        UnknownCaseError: if a case or an alert is not published, or cases are not yet, or nothing is named.
    """
    if not (cases or alerts or number_keys):
        raise UnknownCaseError("Name a case, an alert or a number key.")
    asked = [(str(key), key) for key in number_keys]
    with shared(settings) as key, connect(settings) as con:
        asked += _published(settings, con, "case", "case_id", cases)
        asked += _published(settings, con, "alert", "payment_id", alerts)
        vault = Vault.open(con, settings, key)
        con.execute("create temp table asked (pseudonym blob)")
        if asked:
            con.executemany("insert into asked values ($1)", [[pseudonym.bytes] for _, pseudonym in asked])
        found = dict(
            con.execute(
                f"select pseudonym::uuid, value from {vault.values_sql()} where pseudonym in (select * from asked)"
            ).fetchall()
        )
        answer = [Identified(name, pseudonym, found.get(pseudonym)) for name, pseudonym in asked]
        audit.append(
            settings,
            "reidentify",
            reason,
            asked=[entry.asked for entry in answer],
            keys=sorted({str(entry.number_key) for entry in answer}),
            found=sum(entry.value is not None for entry in answer),
        )
    return answer


def _published(
    settings: Settings, con: duckdb.DuckDBPyConnection, relation: str, id_column: str, ids: Sequence[str]
) -> list[tuple[str, UUID]]:
    """Pseudonyms of the named rows of a relation of the schema `fraud` of the current publication."""
    if not ids:
        return []
    file = current_file(settings, "restricted")
    if file is None:
        raise UnknownCaseError("Nothing has been published yet.")
    with readable(settings, file) as sealed:
        con.execute(f"attach if not exists {literal(str(sealed))} as cases (read_only)")
    is_there = con.execute(
        "select count(*) from duckdb_columns() where database_name = 'cases' and schema_name = 'fraud' "
        "and table_name = $1 and column_name in ($2, 'number_key')",
        [relation, id_column],
    ).fetchone()
    if is_there != (2,):
        raise UnknownCaseError(
            f"The current publication has no fraud.{relation} with {id_column} and number_key; name alerts (--alert "
            f"PAYMENT_ID) or pseudonyms (--number-key KEY) instead."
        )
    rows = con.execute(
        f"select distinct {identifier(id_column)}::varchar, number_key from cases.fraud.{identifier(relation)} "
        f"where {identifier(id_column)}::varchar in (select unnest($1)) and number_key is not null order by all",
        [list(ids)],
    ).fetchall()
    if absent := sorted(set(ids) - {row[0] for row in rows}):
        raise UnknownCaseError(f"fraud.{relation} of the current publication has no number for {absent[0]!r}.")
    return [(row[0], row[1]) for row in rows]
