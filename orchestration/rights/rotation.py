"""Another pseudonym key: everything is re-keyed through the vault and published as a new generation.

Raw (all revisions), the warehouse, the generations kept, the vault and the suppression list are built
anew beside the old ones and exchanged at once (`swap`): pseudonyms of two keys are never mixed. The random
pseudonyms of who was forgotten stay as they are: nobody can make them anew.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import duckdb

from orchestration.base.settings import Settings, private_dir
from orchestration.base.sql import connect, exact, identifier, one_number
from orchestration.contracts import load_feeds
from orchestration.privacy.custody import exclusive, key_file, write_fingerprint
from orchestration.privacy.pseudonyms import PseudonymKey
from orchestration.privacy.swap import Swap, finish, needs_finishing
from orchestration.privacy.vault import Vault
from orchestration.rights import audit
from orchestration.rights.erasure import warehouse_alone
from orchestration.rights.publications import rekey_publications
from orchestration.rights.rekey import RekeyError, create_rekeyed, raw_files, rekey_database, rekey_raw
from orchestration.serving.generations import Publication, current_publication
from orchestration.serving.publish import publish
from orchestration.warehouse import dbt
from orchestration.warehouse.engines import not_rewritten
from orchestration.warehouse.graph import Graph


def rotate_key(
    settings: Settings, new_key: PseudonymKey, reason: str, on_step: Callable[[str], None] = lambda step: None
) -> Publication | None:
    """Re-key everything; return the new publication, or None if nothing had been published.

    Called again with the same new key, it completes what was interrupted.

    Raises:
        BusyError: if somebody is using the data; nothing was done.
        RekeyError: if the vault does not know a pseudonym, or is not needed because the key is the same.
        AuditError: without a reason, or if the audit log cannot be written.
    """
    with exclusive(settings, or_with=new_key) as key:
        if key.fingerprint == new_key.fingerprint:
            if not needs_finishing(settings):
                raise RekeyError("The data is already made with this key; nothing was done.")
        else:
            with warehouse_alone(settings):
                facts = {"from_key": key.fingerprint, "to_key": new_key.fingerprint}
                audit.append(settings, "rotate-key", reason, **facts)
                _build(settings, key, new_key, on_step).commit()
            on_step("exchanged")
        publication = _publish(settings)
        on_step("published")
        finish(settings)
    return publication


def _build(settings: Settings, key: PseudonymKey, new_key: PseudonymKey, on_step: Callable[[str], None]) -> Swap:
    swap = Swap(settings)
    with connect(settings) as con:
        old = Vault.open(con, settings, key)
        new_key.install(con)
        con.execute(
            f"create temp table known as select kind, pseudonym as old, pseudonym(kind, value) as new, value "
            f"from {old.values_sql()}"
        )
        create_rekeyed(con, "select old, new from known")
        _check_all_known(con, settings, old)
        rekey_raw(con, settings.raw_dir, private_dir(swap.new(settings.raw_dir)))
        on_step("raw")
        if made := not_rewritten(settings):
            for path in made:
                swap.remove(path)
        elif settings.warehouse.exists():
            rekey_database(con, settings.warehouse, swap.new(settings.warehouse), None)
        on_step("warehouse")
        rekey_publications(con, settings, swap)
        on_step("publications")
        _rebuild_vault(con, settings, old, new_key, swap)
        write_fingerprint(swap.new(key_file(settings)), new_key)
    on_step("vault")
    return swap


def _check_all_known(con: duckdb.DuckDBPyConnection, settings: Settings, vault: Vault) -> None:
    """Every pseudonym in raw has a value in the vault, unless it is that of somebody who was forgotten."""
    for files in raw_files(con, settings.raw_dir):
        for column in files.keys:
            unknown = one_number(
                con,
                f"select count(distinct {identifier(column)}) from read_parquet($1) where {identifier(column)} not in "
                f"(select old from rekeyed union all select replacement from {vault.suppressed_sql()})",
                [exact(path) for path in files.paths],
            )
            if unknown:
                feed = files.paths[0].relative_to(settings.raw_dir).parts[0]
                raise RekeyError(
                    f"raw/{feed}: the vault does not know {unknown:,} of its {column}s, so they cannot be re-keyed. "
                    f"Remove raw/{feed} and ingest it again from landing. Nothing was changed."
                )


def _rebuild_vault(
    con: duckdb.DuckDBPyConnection, settings: Settings, old: Vault, new_key: PseudonymKey, swap: Swap
) -> None:
    """All values in one file, and the suppression list, under the new key."""
    folder = swap.new(settings.vault_dir / "values").parent
    new = Vault(con, new_key, folder)
    new.write_values("(select distinct kind, new as pseudonym, value from known)")
    if secret := old.suppression_key():
        con.execute(f"create temp table listed as from {old.suppressed_sql()}")
        for path in (old.suppression_key_file, old.suppressed_file):
            swap.new(path)
        new.write_suppression_key(secret)
        new.seal("from listed", new.suppressed_file)


def _publish(settings: Settings) -> Publication | None:
    """A new generation, so that what readers see says since when it is keyed anew.

    Where the warehouse went, because it is built anew, the generation is the one that was re-keyed.
    """
    current = current_publication(settings)
    if current is None or not settings.warehouse.exists():
        return current
    run_id = f"rotate-key-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    return publish(settings, Graph(dbt.manifest(settings)), load_feeds(settings), run_id)
