"""Scenarios: what happened, as data.

A scenario is a folder of `scenarios/` with a `scenario.toml` (settings, files that never came or came without a
manifest) and the calibration tables as CSV, each figure with its source. Adding a scenario is adding a folder; one with
a `base` takes from that scenario the settings and tables that it lacks.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from orchestration.base.refusal import Refusal

SCENARIOS = Path(__file__).resolve().parent / "scenarios"


@dataclass(frozen=True)
class Scenario:
    """One scenario: settings and calibration tables by name; by feed, deliveries that never came or are not listed."""

    name: str
    settings: dict[str, Any]
    tables: dict[str, Path]
    missing: dict[str, frozenset[date]]
    without_manifest: dict[str, frozenset[date]]

    @classmethod
    def load(cls, name: str) -> Scenario:
        """Read a scenario by name; raises Refusal naming the known ones if there is none of that name."""
        if name not in known_scenarios():
            raise Refusal(f"unknown scenario {name!r}; known are: {', '.join(known_scenarios())}")
        folder = SCENARIOS / name
        profile = tomllib.loads((folder / "scenario.toml").read_text("utf-8"))
        base = cls.load(profile["base"]) if "base" in profile else None
        tables = {path.stem: path for path in sorted(folder.glob("*.csv"))}
        return cls(
            name=name,
            settings=(base.settings if base else {}) | profile["settings"],
            tables=(base.tables if base else {}) | tables,
            missing=_days_by_feed(profile.get("missing", [])),
            without_manifest=_days_by_feed(profile.get("without_manifest", [])),
        )


def _days_by_feed(entries: list[dict[str, Any]]) -> dict[str, frozenset[date]]:
    feeds = {entry["feed"] for entry in entries}
    return {feed: frozenset(entry["day"] for entry in entries if entry["feed"] == feed) for feed in feeds}


def known_scenarios() -> list[str]:
    """Names of the scenarios that can be asked for, sorted."""
    return sorted(path.parent.name for path in SCENARIOS.glob("*/scenario.toml"))
