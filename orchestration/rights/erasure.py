"""Erasure: a person's rows stay, so that no aggregate moves, but nobody can say any more whose they are.

Every pseudonym of the person becomes a random one, the same everywhere: in raw, the warehouse and all generations
kept. The vault forgets the values and adds them to the suppression list: a later delivery that holds them gets the
same random pseudonym. Landing and quarantine of the person's deliveries are removed. An attestation
lists each file. All of it is one exchange (`swap`): killed at any moment, the data is as before, or the erasure is
carried to its end by whoever comes next.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import duckdb

from orchestration.base.files import write_durably
from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings
from orchestration.base.sql import connect, exact
from orchestration.privacy.custody import BusyError, exclusive, pin
from orchestration.privacy.numbers import e164
from orchestration.privacy.swap import Swap, finish
from orchestration.privacy.vault import Vault
from orchestration.rights import audit
from orchestration.rights.attestation import Attestation
from orchestration.rights.delivered import remove_deliveries
from orchestration.rights.publications import rekey_publications
from orchestration.rights.rekey import create_rekeyed, database_holds, holding, raw_files, rekey_database, rekey_file
from orchestration.runtime.warehouse_lock import warehouse_lock
from orchestration.warehouse.engines import not_rewritten

_OLD = "select old from rekeyed"

OnStep = Callable[[str], None]


def forget(
    settings: Settings,
    reason: str,
    *,
    numbers: Sequence[str] = (),
    lines: Sequence[str] = (),
    is_only_named: bool = False,
    on_step: OnStep = lambda step: None,
) -> Attestation:
    """Erase the numbers and lines; and, unless `is_only_named`, the lines and numbers beside them in a row.

    Raises:
        Refusal: for a number that is none in the site's country (it is not quoted).
        AuditError: without a reason, or if the audit log cannot be written.
        BusyError: if somebody is using the data; nothing was done.
    """
    with exclusive(settings) as key, warehouse_alone(settings), connect(settings) as con:
        key.install(con)
        vault = Vault.open(con, settings, key)
        _name_subjects(con, settings, numbers, lines)
        if not is_only_named:
            _add_linked(con, settings, vault)
        entry = audit.append(
            settings, "forget", reason, keys=_column(con, "select pseudonym::uuid::varchar from subject")
        )
        pin(settings, key)
        on_step("started")
        _draw_replacements(con, vault)
        swap = Swap(settings)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z.json"
        attestation = Attestation(settings.vault_dir / "attestations" / name, entry, settings.site_profile.numbers)
        attestation.erased = dict(
            con.execute("select kind, count(*) from subject group by all order by all").fetchall()
        )
        for step in (_erase_vault, _erase_raw, _erase_warehouse, _erase_publications, _erase_deliveries):
            step(con, settings, vault, swap, attestation)
            on_step(step.__name__.removeprefix("_erase_"))
        write_durably(swap.new(attestation.path), attestation.as_json())
        on_step("built")
        swap.commit()
        finish(settings)
    on_step("done")
    return attestation


def _name_subjects(
    con: duckdb.DuckDBPyConnection, settings: Settings, numbers: Sequence[str], lines: Sequence[str]
) -> None:
    """The table `subject`: `kind`, `value`, `pseudonym`, of what was named."""
    plan = settings.site_profile.numbers
    named = [("msisdn", e164(number.strip(), plan)) for number in numbers]
    if any(value is None for _, value in named):
        raise Refusal(f"That is not a subscriber number of {settings.site_profile.country}, in any of its spellings.")
    named += [("line", line.strip()) for line in lines if line.strip()]
    if not named:
        raise Refusal("Name a number or a line.")
    con.execute("create temp table subject (kind varchar, value varchar, pseudonym blob)")
    con.executemany(
        "insert into subject values ($1, $2, pseudonym($1, $2))", [list(pair) for pair in dict.fromkeys(named)]
    )


def _add_linked(con: duckdb.DuckDBPyConnection, settings: Settings, vault: Vault) -> None:
    """Add what the vault knows of the lines that carried a named number, and the numbers that a named line carried."""
    con.execute("create temp table linked (pseudonym blob)")
    for files in raw_files(con, settings.raw_dir):
        if not {"number_key", "line_key"} <= set(files.keys):
            continue
        for own, other in (("number_key", "line_key"), ("line_key", "number_key")):
            con.execute(
                f"insert into linked select distinct {other} from read_parquet($1) "
                f"where {own} in (select pseudonym from subject) and {other} is not null",
                [[exact(path) for path in files.paths]],
            )
    con.execute(
        f"insert into subject select kind, value, pseudonym from {vault.values_sql()} "
        f"where pseudonym in (from linked) and pseudonym not in (select pseudonym from subject)"
    )


def _draw_replacements(con: duckdb.DuckDBPyConnection, vault: Vault) -> None:
    """The tables `listed` (the suppression list with the subjects) and `rekeyed`."""
    vault.digest_macro()
    con.execute("create temp table listed (kind varchar, digest blob, replacement blob)")
    con.execute(f"insert into listed select kind, digest, replacement from {vault.suppressed_sql()}")
    new = con.execute(
        "select distinct kind, suppression_digest(kind, value) as digest from subject "
        "where digest not in (select digest from listed)"
    ).fetchall()
    for kind, digest in new:
        con.execute("insert into listed values ($1, $2, $3)", [kind, digest, secrets.token_bytes(16)])
    create_rekeyed(
        con,
        "select pseudonym as old, replacement as new from subject "
        "join listed on listed.digest = suppression_digest(subject.kind, subject.value)",
    )


@contextmanager
def warehouse_alone(settings: Settings) -> Iterator[None]:
    """Have the warehouse alone, with what a killed run left in its log brought into its file.

    Raises:
        BusyError: if somebody has it open, or is at work in it, such as a dbt whose run was killed.
    """
    with ExitStack() as holding:
        try:
            holding.enter_context(warehouse_lock(settings, is_patient=False))
            if settings.warehouse.exists():
                with connect(settings, str(settings.warehouse)) as con:
                    con.execute("checkpoint")
        except (BlockingIOError, duckdb.IOException):
            raise BusyError("The warehouse is in use. Try again when that has ended; nothing was done.") from None
        yield


def _erase_vault(
    con: duckdb.DuckDBPyConnection, settings: Settings, vault: Vault, swap: Swap, attestation: Attestation
) -> None:
    for path in vault.holding(_OLD):
        new = swap.new(path)
        vault.seal(vault.rest_sql(path, without=_OLD), new)
        attestation.rewritten(path, new, 0)
    vault.seal("from listed", swap.new(vault.suppressed_file))


def _erase_raw(
    con: duckdb.DuckDBPyConnection, settings: Settings, vault: Vault, swap: Swap, attestation: Attestation
) -> None:
    for files in raw_files(con, settings.raw_dir):
        for path, rows in holding(con, files, _OLD).items():
            new = swap.new(path)
            rekey_file(con, path, new, files.keys)
            attestation.rewritten(path, new, rows)


def _erase_warehouse(
    con: duckdb.DuckDBPyConnection, settings: Settings, vault: Vault, swap: Swap, attestation: Attestation
) -> None:
    if made := not_rewritten(settings):
        for path in made:
            attestation.removed(path)
            swap.remove(path)
    elif settings.warehouse.exists() and database_holds(con, settings.warehouse):
        new = swap.new(settings.warehouse)
        rows = rekey_database(con, settings.warehouse, new, None)
        attestation.rewritten(settings.warehouse, new, rows)


def _erase_publications(
    con: duckdb.DuckDBPyConnection, settings: Settings, vault: Vault, swap: Swap, attestation: Attestation
) -> None:
    for one in rekey_publications(con, settings, swap):
        attestation.rewritten(one.path, one.new, one.rows)


def _erase_deliveries(
    con: duckdb.DuckDBPyConnection, settings: Settings, vault: Vault, swap: Swap, attestation: Attestation
) -> None:
    remove_deliveries(con, settings, swap, attestation)


def _column(con: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    return [row[0] for row in con.execute(query).fetchall()]
