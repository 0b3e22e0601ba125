"""A site of one made-up feed, for tests of ingest: write a contract, drop files, look at what became of the rows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import yaml

from orchestration.base.settings import Settings
from orchestration.base.sql import exact
from orchestration.contracts import Feed, load_feed
from orchestration.ingest import Receipt, ingest
from orchestration.ingest.quarantine import BadRow, read_bad_rows
from orchestration.ingest.receipt import replace_receipt, revision_dir
from tests.support.world import KEY

DAY = date(2026, 1, 3)

#: A feed with one column of each kind.
COLUMNS: list[dict[str, Any]] = [
    {"name": "charge_id", "logicalType": "string", "primaryKey": True, "primaryKeyPosition": 1},
    {"name": "msisdn", "logicalType": "string", "classification": "pii", "pseudonym": "number"},
    {"name": "amount", "logicalType": "integer", "logicalTypeOptions": {"minimum": 0}},
    {"name": "is_paid", "logicalType": "boolean", "required": False, "values": {"Y": "true", "N": "false"}},
    {"name": "note", "logicalType": "string", "required": False},
    {"name": "charged_on", "logicalType": "date"},
    {"name": "charged_at", "logicalType": "timestamp"},
]
_CUSTOM = (
    "resemblesNumbers", "pseudonym", "values", "sourceHeader", "minorUnits", "nullValues", "openEnd", "constant",
    "sameSourceAs", "rowNumber", "position",
)  # fmt: skip


@dataclass
class SmallSite:
    """One feed `charges` in a home of its own."""

    root: Path
    options: dict[str, Any] = field(default_factory=dict)
    columns: list[dict[str, Any]] = field(default_factory=lambda: [dict(column) for column in COLUMNS])
    rules: list[dict[str, Any]] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        site = self.root / "site"
        site.mkdir(parents=True, exist_ok=True)
        return Settings(home=self.root / "home", site=site, pseudonym_key=KEY)  # type: ignore[arg-type]

    @property
    def contract(self) -> Path:
        return self.root / "site" / "contracts" / "charges.yaml"

    @property
    def feed(self) -> Feed:
        """The feed, from its contract as it stands now."""
        self.contract.parent.mkdir(parents=True, exist_ok=True)
        self.contract.write_text(yaml.safe_dump(self.content(), allow_unicode=True), "utf-8")
        return load_feed(self.contract)

    def content(self) -> dict[str, Any]:
        """The contract as the standard has it."""
        return {
            "apiVersion": "v3.0.2", "kind": "DataContract", "id": "charges", "name": "charges", "version": "1.0.0",
            "status": "active", "customProperties": _listed(self.options),
            "schema": [
                {
                    "name": "charges", "logicalType": "object", "quality": self.rules,
                    "properties": [
                        {name: value for name, value in column.items() if name not in _CUSTOM}
                        | {"customProperties": _listed({name: column[name] for name in _CUSTOM if name in column})}
                        for column in self.columns
                    ],
                }
            ],
        }  # fmt: skip

    def folder(self, dt: date = DAY) -> Path:
        """Where a day's delivery lies."""
        folder = self.settings.landing_dir / "charges" / f"dt={dt}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def drop(self, content: bytes | str, name: str = "charges.csv", dt: date = DAY) -> Path:
        """Write one file of a delivery."""
        path = self.folder(dt) / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def manifest(self, *files: dict[str, Any], dt: date = DAY, **more: Any) -> None:
        """Write a delivery's manifest."""
        (self.folder(dt) / "_manifest.json").write_text(json.dumps({"files": list(files)} | more))

    def ingest(self, dt: date = DAY, *, is_retry: bool = False) -> Receipt:
        """Ingest one day and return its newest receipt."""
        return ingest(self.settings, self.feed, [dt], is_retry=is_retry)[0].receipt

    def take_in(self, dt: date, when: datetime) -> None:
        """A delivery for a day, as if it had been ingested at that moment."""
        self.drop(HEADER + line(1), dt=dt)
        receipt = self.ingest(dt)
        folder = revision_dir(self.settings.raw_dir, "charges", dt, receipt.rev)
        replace_receipt(folder, receipt.model_copy(update={"ingested_at": when}))

    def rows(self, receipt: Receipt, columns: str = "*", home: Path | None = None) -> list[tuple[Any, ...]]:
        """Accepted rows of a revision, ordered."""
        folder = revision_dir((home or self.settings.home) / "raw", "charges", receipt.dt, receipt.rev)
        if not list(folder.glob("*.parquet")):
            return []
        with duckdb.connect() as con:
            con.execute("set timezone = 'Asia/Seoul'")
            files = f"{exact(folder)}/*.parquet"
            return con.execute(f"select {columns} from read_parquet($1) order by all", [files]).fetchall()

    def bad_rows(self, dt: date = DAY, home: Path | None = None) -> list[BadRow]:
        """Quarantined rows of a day's newest revision."""
        settings = Settings(home=home, pseudonym_key=KEY) if home else self.settings  # type: ignore[arg-type]
        return read_bad_rows(settings, "charges", dt, 100_000)


def _listed(options: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"property": name, "value": value} for name, value in options.items()]


HEADER = "charge_id,msisdn,amount,is_paid,note,charged_on,charged_at\n"


def line(number: int, **changed: str) -> str:
    """A good row of the feed in its default spelling."""
    values = {
        "charge_id": f"C{number}", "msisdn": f"010-1234-{number % 10_000:04}", "amount": str(number), "is_paid": "Y",
        "note": "ok", "charged_on": "2026-01-03", "charged_at": "2026-01-03 09:00:00",
    } | changed  # fmt: skip
    return ",".join(values.values()) + "\n"


def is_conserved(receipt: Receipt) -> bool:
    """Every record of every file in exactly one place."""
    return all(file.read == file.accepted + file.quarantined + file.duplicate for file in receipt.files)
