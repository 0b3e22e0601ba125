"""How a run ended: apart from what runs, so that a command which only shows something need not load Dagster."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from orchestration.serving.generations import Publication


class Exit(IntEnum):
    """Exit codes of `ringfence run`, for a scheduler or a rota."""

    PUBLISHED = 0
    INFRASTRUCTURE = 1
    HELD_BACK = 2
    NOTHING_PUBLISHED = 3
    INTERRUPTED = 130  # as a shell says it of what Ctrl-C ended


@dataclass(frozen=True)
class RunReport:
    """How a run ended; `errors` are the messages of steps that failed, and of what could not be told to anybody."""

    exit_code: Exit
    was_up_to_date: bool
    publication: Publication | None
    errors: list[str]
