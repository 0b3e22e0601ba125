"""The log of who asked for numbers, keys and erasures, and why: appended to before anything is done or told.

`vault/audit.jsonl`: one JSON object per line. Each carries the hash of the one before (`previous`) and its own
(`hash`), so that a line that was changed or taken out shows.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.base.files import locked, sync
from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings, private_dir
from orchestration.privacy.masking import mask_numbers

_FIRST = "0" * 64


class AuditError(Refusal):
    """The log cannot be written, or was tampered with; nothing is done without it."""


def append(settings: Settings, action: str, reason: str, **facts: Any) -> str:
    """Append an entry and bring it to disk; return its hash.

    Raises:
        AuditError: if there is no reason, if an earlier entry was changed, or if the log cannot be written.
    """
    if not reason.strip():
        raise AuditError("A reason is needed: --reason TEXT. It goes into the audit log.")
    path = audit_log(settings)
    try:
        private_dir(path.parent)
        with locked(path) as descriptor, os.fdopen(descriptor, "r+b", closefd=False) as file:
            previous = verify(path)
            entry: dict[str, Any] = {
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "user": _user(),
                "action": action,
                "reason": mask_numbers(reason.strip(), settings.site_profile.numbers),
                **facts,
                "previous": previous,
            }
            entry["hash"] = _hash(entry)
            size = file.seek(0, os.SEEK_END)
            try:
                file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.truncate(path, size)
                raise
        sync(path.parent)
    except OSError as error:
        raise AuditError(f"{path} cannot be written ({error.strerror}); nothing was done.") from error
    return str(entry["hash"])


def verify(path: Path) -> str:
    """Check the whole chain and return the last hash.

    Raises:
        AuditError: naming the first line that was changed, or whose predecessor was.
    """
    previous = _FIRST
    for number, line in enumerate(path.read_bytes().splitlines() if path.exists() else [], 1):
        try:
            entry = json.loads(line)
            is_intact = entry["previous"] == previous and entry.pop("hash") == (previous := _hash(entry))
        except (ValueError, KeyError, TypeError):
            is_intact = False
        if not is_intact:
            raise AuditError(
                f"{path}, line {number}: this entry, or the one before it, is not what was written. Find out who "
                f"changed it; to go on, move the file away and keep it. Nothing was done."
            )
    return previous


def audit_log(settings: Settings) -> Path:
    """Where the log lies."""
    return settings.vault_dir / "audit.jsonl"


def _hash(entry: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(entry, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _user() -> str:
    """The operating system's name for who runs this, not the environment's; and who they were before sudo."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    before = os.environ.get("SUDO_USER")
    return f"{name} (sudo by {before})" if before else name
