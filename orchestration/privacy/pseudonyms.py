"""Keyed pseudonyms, computed inside DuckDB: HMAC-SHA-256 cut to 128 bits, as 16 bytes.

Raw Parquet keeps them as a plain BLOB: other engines refuse Parquet's UUID annotation, and DuckDB casts the one
to the other."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from orchestration.settings import NumberPlan, Settings

_BLOCK = 64  # bytes of a SHA-256 block
_SHORTEST = 32  # characters


class KeyMissingError(RuntimeError):
    """No usable pseudonym key is configured."""


@dataclass(frozen=True)
class PseudonymKey:
    """The site's pseudonym key, as the two pads of HMAC (RFC 2104)."""

    _inner_pad: bytes = field(repr=False)
    _outer_pad: bytes = field(repr=False)

    @classmethod
    def load(cls, settings: Settings) -> PseudonymKey:
        """Read the key from the environment or its file.

        Raises:
            KeyMissingError: if there is none, or it is too short to be one.
        """
        if settings.pseudonym_key:
            text = settings.pseudonym_key.get_secret_value()
        elif settings.pseudonym_key_file:
            try:
                text = settings.pseudonym_key_file.read_text("utf-8")
            except OSError as error:
                raise KeyMissingError(f"RINGFENCE_PSEUDONYM_KEY_FILE cannot be read: {error}") from error
        else:
            raise KeyMissingError(
                "No pseudonym key: set RINGFENCE_PSEUDONYM_KEY_FILE to a file that only you can read "
                "(`ringfence new-key FILE` writes one), or RINGFENCE_PSEUDONYM_KEY. Nothing runs without one."
            )
        if len(text.strip()) < _SHORTEST:
            raise KeyMissingError(f"The pseudonym key is shorter than {_SHORTEST} characters.")
        return cls.from_text(text.strip())

    @classmethod
    def from_text(cls, text: str) -> PseudonymKey:
        """Derive the pads from the key's text."""
        key = text.encode()
        key = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
        return cls(bytes(byte ^ 0x36 for byte in key), bytes(byte ^ 0x5C for byte in key))

    @staticmethod
    def write_new(path: Path) -> None:
        """Write a fresh key, readable by its owner only.

        Raises:
            FileExistsError: an existing key is never overwritten, since every pseudonym hangs on it.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(_SHORTEST) + "\n")

    def install(self, con: duckdb.DuckDBPyConnection) -> None:
        """Give a connection the macro `pseudonym(kind, value)`; the key stays in a session variable."""
        con.execute("set variable ringfence_inner_pad = $1", [self._inner_pad])
        con.execute("set variable ringfence_outer_pad = $1", [self._outer_pad])
        con.execute(
            """
            create or replace temp macro pseudonym(kind, value) as
                unhex(substr(sha256(
                    getvariable('ringfence_outer_pad') || unhex(sha256(
                        getvariable('ringfence_inner_pad') || encode(kind || ':' || value)))), 1, 32))
            """
        )


def e164_sql(expression: str, plan: NumberPlan) -> str:
    """SQL for the E.164 form of a subscriber number in any of the country's spellings, or null."""
    squeezed = f"regexp_replace({expression}, '[-. ()/]', '', 'g')"
    national = (
        f"regexp_extract({squeezed}, '^(?:\\+?{plan.calling_code}|{plan.trunk_prefix})({plan.national_pattern})$', 1)"
    )
    return f"'+{plan.calling_code}' || nullif({national}, '')"
