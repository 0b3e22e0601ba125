"""The key that signs statements, a file of its own beside the data: Ed25519, and what is signed with it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from orchestration.base.files import write_key
from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings


class SigningKeyError(Refusal):
    """The key file holds no key, or others may read it."""


@dataclass(frozen=True)
class SigningKey:
    """A private key, and the public one by which what it signed is verified."""

    _key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def of(cls, settings: Settings) -> SigningKey:
        """The installation's key; one that is not there yet is made, readable by its owner only.

        Raises:
            SigningKeyError: if the file holds no such key, or others may read it.
        """
        path = settings.statement_key
        if not path.exists():
            _write_new(path)
        if path.stat().st_mode & 0o077:
            raise SigningKeyError(f"{path}: others may read it, and sign in your name: chmod 600 {path}")
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except ValueError:
            raise SigningKeyError(f"{path}: is not a private key in PEM.") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise SigningKeyError(f"{path}: is not an Ed25519 key.")
        return cls(key)

    @property
    def public(self) -> str:
        """The public key, 32 bytes in base 64."""
        return base64.b64encode(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

    def sign(self, content: bytes) -> str:
        """A signature, 64 bytes in base 64."""
        return base64.b64encode(self._key.sign(content)).decode()


def is_signed(public: str, signature: str, content: bytes) -> bool:
    """Whether who holds the private key of a public one has signed just this."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public, validate=True))
        key.verify(base64.b64decode(signature, validate=True), content)
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(public: str) -> str:
    """By which people tell public keys apart."""
    return hashlib.sha256(public.encode()).hexdigest()[:16]


def _write_new(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    write_key(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
