"""The vault: the only way back from a pseudonym, and the suppression list.

`vault/values/*.parquet`: one row per pseudonym, `kind` (what it was made of), `pseudonym` (16 bytes), `value` (E.164
number, line or person). Each batch of an ingest adds a file with what is new in it, renamed into place, so that
feeds ingest side by side without a lock; the same row in two files is harmless.

The suppression list, `vault/suppressed.parquet`: one row per forgotten value: `kind`, `digest`, `replacement`. A
digest is an HMAC under a random key of its own (`vault/suppression_key.parquet`), which outlives a change of the
pseudonym key, and says nothing without it.

All of it is Parquet encrypted by AES-GCM, written and read by DuckDB under a key derived from the pseudonym key.
That key is bound to a session variable: no SQL, no log and no error can quote it.
"""

from __future__ import annotations

import os
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.base.files import replacing
from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings, private_dir
from orchestration.base.sql import exact, literal, one_number, one_value
from orchestration.privacy.pseudonyms import PseudonymKey, install_hmac

_SUPPRESSED = "suppressed.parquet"
_SUPPRESSION_KEY = "suppression_key.parquet"


@dataclass(frozen=True)
class Vault:
    """The vault in `folder`, opened with a key on one connection."""

    con: duckdb.DuckDBPyConnection
    key: PseudonymKey
    folder: Path

    @classmethod
    def open(cls, con: duckdb.DuckDBPyConnection, settings: Settings, key: PseudonymKey) -> Vault:
        """The installation's vault."""
        return cls(con, key, private_dir(settings.vault_dir))

    @property
    def values(self) -> list[Path]:
        """Files of values."""
        return sorted((self.folder / "values").glob("[!.]*.parquet"))

    def values_sql(self) -> str:
        """SQL for what the vault knows: `kind`, `pseudonym`, `value`."""
        return f"(select distinct kind, pseudonym, value from {self._all_values()})"

    def keep(self, identities: str) -> None:
        """Add what is new in a temporary table (`kind`, `value`, `pseudonym`; distinct).

        A value on the suppression list stays out, and its row in that table gets the replacement.
        """
        self.con.execute(
            f"create or replace temp table fresh as select rows.* from {identities} as rows "
            f"anti join {self._all_values()} as known using (pseudonym)"
        )
        self.con.execute(f"create or replace temp table suppressed as {self._suppressed_among('fresh')}")
        if self._count("suppressed"):
            self.con.execute("delete from fresh where pseudonym in (select pseudonym from suppressed)")
            self.con.execute(
                f"update {identities} set pseudonym = suppressed.replacement from suppressed "
                f"where {identities}.pseudonym = suppressed.pseudonym"
            )
        if self._count("fresh"):
            self.write_values("(select kind, pseudonym, value from fresh)")
        self.con.execute("drop table fresh")
        self.con.execute("drop table suppressed")

    def write_values(self, relation: str) -> None:
        """Add a file of values."""
        private_dir(self.folder / "values")
        self.seal(f"from {relation}", self.folder / "values" / f"{uuid.uuid4().hex}.parquet")

    def _all_values(self) -> str:
        if not self.values:
            return "(select null::varchar as kind, null::blob as pseudonym, null::varchar as value where false)"
        return self._sealed(self.values)

    # ---------------------------------------------------------------- the suppression list
    def holding(self, among: str) -> list[Path]:
        """Files of values with a pseudonym that the SQL `among` gives."""
        return [path for path in self.values if self._count(f"{self._sealed([path])} where pseudonym in ({among})")]

    def rest_sql(self, path: Path, without: str) -> str:
        """SQL for a file of values, except the pseudonyms that the SQL `without` gives."""
        return f"select * from {self._sealed([path])} where pseudonym not in ({without})"

    @property
    def suppressed_file(self) -> Path:
        """The suppression list."""
        return self.folder / _SUPPRESSED

    def suppressed_sql(self) -> str:
        """SQL for the suppression list: `kind`, `digest`, `replacement`."""
        path = self.suppressed_file
        if not path.exists():
            return "(select null::varchar as kind, null::blob as digest, null::blob as replacement where false)"
        return self._sealed([path])

    def digest_macro(self) -> None:
        """Give the connection the macro `suppression_digest(kind, value)`; the first call makes its key.

        Raises:
            Refusal: if there is a list without its key: under another one, nobody on it would be known again.
        """
        key = self.suppression_key()
        if key is None:
            if self.suppressed_file.exists():
                raise Refusal(
                    f"{self.suppressed_file} says who was forgotten, and {_SUPPRESSION_KEY} is not beside it: "
                    "restore both from the same copy, or those who were forgotten come back."
                )
            key = secrets.token_bytes(32)
            self.write_suppression_key(key)
        install_hmac(self.con, "suppression_digest", key)

    @property
    def suppression_key_file(self) -> Path:
        """The key of the digests."""
        return self.folder / _SUPPRESSION_KEY

    def suppression_key(self) -> bytes | None:
        """The key of the digests, or None if nobody has been forgotten yet."""
        path = self.suppression_key_file
        return one_value(self.con, f"from {self._sealed([path])}") if path.exists() else None

    def write_suppression_key(self, key: bytes) -> None:
        """Keep the key of the digests."""
        self.con.execute("set variable ringfence_suppression_key = $1", [key])
        self.seal("select getvariable('ringfence_suppression_key') as key", self.suppression_key_file)

    def _suppressed_among(self, relation: str) -> str:
        if not self.suppressed_file.exists():
            return "select null::blob as pseudonym, null::blob as replacement where false"
        self.digest_macro()
        return (
            f"select pseudonym, replacement from {relation} as rows "
            f"join {self.suppressed_sql()} as list on list.digest = suppression_digest(rows.kind, rows.value)"
        )

    # ---------------------------------------------------------------- sealed files
    def _sealed(self, paths: list[Path]) -> str:
        self._bind()
        listed = ", ".join(literal(exact(path)) for path in paths)
        return f"read_parquet([{listed}], encryption_config = {{footer_key_value: getvariable('ringfence_vault_key')}})"

    def seal(self, query: str, path: Path) -> None:
        """Write an encrypted file whole: to a temporary sibling, on disk, then renamed."""
        self._bind()
        with replacing(path, is_durable=True) as temporary:
            self.con.execute(
                f"copy ({query}) to {literal(str(temporary))} (format parquet, compression zstd, "
                f"encryption_config {{footer_key_value: getvariable('ringfence_vault_key')}})"
            )
            os.chmod(temporary, 0o600)

    def _bind(self) -> None:
        """A connection may hold two vaults while keys change, so each statement's key is bound before it."""
        self.con.execute("set variable ringfence_vault_key = $1", [self.key.derive("vault")])

    def _count(self, relation: str) -> int:
        return one_number(self.con, f"select count(*) from {relation}")
