"""A figure as people read it, on a page or in a terminal."""

from __future__ import annotations

from datetime import date
from typing import Any


def spelled(value: Any) -> str:
    """A figure as people read it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool | str | date):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}".rstrip("0").rstrip(".")
