"""Keyed pseudonyms, computed inside DuckDB: HMAC-SHA-256 cut to 128 bits, as 16 bytes.

Raw Parquet keeps them as a plain BLOB: other engines refuse Parquet's UUID annotation, and DuckDB casts the one
to the other."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from orchestration.base.files import write_key
from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings

_BLOCK = 64  # bytes of a SHA-256 block
_SHORTEST = 32  # characters


class KeyMissingError(Refusal):
    """No usable pseudonym key is configured."""


@dataclass(frozen=True)
class PseudonymKey:
    """The site's pseudonym key."""

    _key: bytes = field(repr=False)

    @classmethod
    def load(cls, settings: Settings) -> PseudonymKey:
        """Read the key from the environment or its file.

        Raises:
            KeyMissingError: if there is none, or it is too short to be one.
        """
        if settings.pseudonym_key:
            return cls.from_text(settings.pseudonym_key.get_secret_value())
        if settings.pseudonym_key_file:
            return cls.read(settings.pseudonym_key_file)
        raise KeyMissingError(
            "No pseudonym key: set RINGFENCE_PSEUDONYM_KEY_FILE to a file that only you can read "
            "(`ringfence new-key FILE` writes one), or RINGFENCE_PSEUDONYM_KEY. Nothing runs without one."
        )

    @classmethod
    def read(cls, path: Path) -> PseudonymKey:
        """Read a key file.

        Raises:
            KeyMissingError: if it cannot be read, or holds no usable key.
        """
        try:
            return cls.from_text(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise KeyMissingError(f"The pseudonym key file {path} cannot be read: {type(error).__name__}.") from None

    @classmethod
    def from_text(cls, text: str) -> PseudonymKey:
        """A key from its text.

        Raises:
            KeyMissingError: if it is too short to be one.
        """
        if len(text.strip()) < _SHORTEST:
            raise KeyMissingError(f"The pseudonym key is shorter than {_SHORTEST} characters.")
        return cls(text.strip().encode())

    @staticmethod
    def write_new(path: Path) -> None:
        """Write a fresh key, readable by its owner only.

        Raises:
            FileExistsError: an existing key is never overwritten, since every pseudonym hangs on it.
        """
        write_key(path, secrets.token_hex(_SHORTEST) + "\n")

    def install(self, con: duckdb.DuckDBPyConnection) -> None:
        """Give a connection the macro `pseudonym(kind, value)`; the key stays in a session variable."""
        install_hmac(con, "pseudonym", self._key)

    def derive(self, purpose: str) -> bytes:
        """A key of its own for another purpose: HKDF-SHA-256 (RFC 5869), 32 bytes."""
        extracted = hmac.digest(b"ringfence", self._key, "sha256")
        return hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")

    @property
    def fingerprint(self) -> str:
        """Tells keys apart, and says nothing of them."""
        return self.derive("fingerprint").hex()[:16]


def install_hmac(con: duckdb.DuckDBPyConnection, name: str, key: bytes) -> None:
    """Give a connection the macro `name(kind, value)`: HMAC-SHA-256 of `kind:value`, cut to 16 bytes.

    The two pads of RFC 2104 are bound as session variables; the key is never spelled into SQL.
    """
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    con.execute(f"set variable {name}_inner_pad = $1", [bytes(byte ^ 0x36 for byte in block)])
    con.execute(f"set variable {name}_outer_pad = $1", [bytes(byte ^ 0x5C for byte in block)])
    con.execute(
        f"""
        create or replace temp macro {name}(kind, value) as
            unhex(substr(sha256(
                getvariable('{name}_outer_pad') || unhex(sha256(
                    getvariable('{name}_inner_pad') || encode(kind || ':' || value)))), 1, 32))
        """
    )
