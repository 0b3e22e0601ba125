"""Write what was judged: accepted rows under pseudonyms, the others masked, with every reason."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from orchestration.base.sql import identifier, literal
from orchestration.contracts import Column
from orchestration.ingest.batch.masked import masked_line, masked_values
from orchestration.ingest.batch.places import numbered_sql, shown_name
from orchestration.ingest.batch.tables import Batch, Outcome
from orchestration.privacy.vault import Vault


def write(batch: Batch, vault: Vault, outcomes: dict[date, Outcome], accepted: Path, quarantined: Path) -> None:
    """Write the rows of accepted deliveries, one sub-folder `dt=…` per day."""
    taken = [literal(dt) for dt, outcome in outcomes.items() if not outcome.refusal]
    if not taken:
        return
    days = f"dt in ({', '.join(taken)})"
    kept = f"_reasons is null and {days}"
    if batch.number("select count(*) from repeats"):
        kept += " and rowid not in (select seq from repeats)"
    _copy(batch, _accepted_sql(batch, vault, kept), accepted)
    _copy(batch, _quarantined_sql(batch, days), quarantined)


def _accepted_sql(batch: Batch, vault: Vault, kept: str) -> str:
    """Accepted rows under pseudonyms; an identity is hashed once, however many rows it has.

    Before a pseudonym is written, the vault knows whose it is; who was forgotten gets the random one.
    """
    secret = [column for column in batch.feed.columns if column.pseudonym_kind]
    if secret:
        values = " union ".join(
            f"select distinct {literal(str(column.pseudonym_kind))} as kind, "
            f"{identifier(column.raw_name)} as value from judged "
            f"where {kept} and {identifier(column.raw_name)} is not null"
            for column in secret
        )
        batch.con.execute(
            f"create temp table identities as select kind, value, pseudonym(kind, value) as pseudonym from ({values})"
        )
        vault.keep("identities")
    selected = ", ".join(
        f"{_identity(column)}.pseudonym as {identifier(column.raw_name)}"
        if column.pseudonym_kind
        else f"judged.{identifier(column.raw_name)}"
        for column in batch.feed.columns
    )
    joins = " ".join(
        f"left join identities as {_identity(column)} "
        f"on {_identity(column)}.kind = {literal(str(column.pseudonym_kind))} "
        f"and {_identity(column)}.value = judged.{identifier(column.raw_name)}"
        for column in secret
    )
    return f"select judged.dt, {selected} from (select * from judged where {kept}) as judged {joins}"


def _quarantined_sql(batch: Batch, days: str) -> str:
    """Masked rows with file, place in the file and reasons; what conflicts with its key is shown as it was read."""
    return f"""
        with bad as (
            select rowid as seq, _file_no, _reasons as reasons, _masked as masked_row
            from judged where _reasons is not null
            union all by name
            select rowid as seq, _file_no, ['KEY_CONFLICT'] as reasons,
                {masked_values(batch.feed)} as masked_row,
            from judged where rowid in (select seq from repeats where not is_duplicate)
        )
        select dt, {shown_name(batch)} as file, row_number, reasons, masked_row
        from (
            select _file_no, row_number, reasons, masked_row from ({numbered_sql("bad")})
            union all
            select _file_no, row_number, reasons,
                json_object('line', {masked_line(batch.feed)})::varchar from rejects
        ) join files using (_file_no)
        where {days}
        order by all
        """


def _copy(batch: Batch, query: str, folder: Path) -> None:
    batch.con.execute(
        f"copy ({query}) to {literal(str(folder))} "
        f"(format parquet, compression zstd, partition_by (dt), overwrite_or_ignore)"
    )


def _identity(column: Column) -> str:
    """Alias of the identities that a column's values are looked up in."""
    return identifier(f"identity_of_{column.name}")
