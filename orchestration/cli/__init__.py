"""`ringfence`: thin commands over the functions that the assets call, one file a topic."""

from __future__ import annotations

from importlib import import_module

from orchestration.cli.shell import app

#: Each adds its commands to the application; help lists them in this order.
TOPICS = (
    "setting_up",
    "running",
    "planning",
    "answers",
    "defending",
    "publishing",
    "persons",
    "servers",
    "field",
    "rule_questions",
)

for topic in TOPICS:
    import_module(f"{__name__}.{topic}")

__all__ = ["app"]
