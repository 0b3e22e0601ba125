"""What an erasure did, file by file, for whoever asked for it and for who has to prove it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.base.files import sha256_of
from orchestration.base.site_profile import NumberPlan
from orchestration.ingest.names import shown


@dataclass
class Attestation:
    """What an erasure did. `left` are files that still hold the person, or may, each with the reason.

    Names of files are told as people read them, without the numbers of `plan`.

    `files` has one entry per file: `path`, `action` (rewritten, removed), `rows` that changed a pseudonym, and the
    SHA-256 `before` and `after`.
    """

    path: Path
    audit_entry: str
    plan: NumberPlan
    erased: dict[str, int] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)

    def rewritten(self, path: Path, new: Path, rows: int) -> None:
        """Note a file, what it becomes, and how many of its rows changed a pseudonym."""
        self.files.append(
            {
                "path": shown(path, self.plan),
                "action": "rewritten",
                "rows": rows,
                "before": sha256_of(path),
                "after": sha256_of(new),
            }
        )

    def removed(self, path: Path) -> None:
        """Note a file that is going to be gone, or each of a folder."""
        for file in sorted(one for one in (path, *path.rglob("*")) if one.is_file()):
            self.files.append(
                {"path": shown(file, self.plan), "action": "removed", "before": sha256_of(file), "after": None}
            )

    def stays(self, path: Path, why: str) -> None:
        """Note a file that still holds the person, or may."""
        self.left[shown(path, self.plan)] = why

    def as_json(self) -> bytes:
        """The file's content."""
        content = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "audit_entry": self.audit_entry,
            "erased": self.erased,
            "files": self.files,
            "left": self.left,
        }
        return json.dumps(content, indent=1, ensure_ascii=False).encode()
