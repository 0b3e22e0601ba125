"""Dagster's daemon, which says once what it waits for, and not every five seconds as long as a run is at work."""

from __future__ import annotations

import logging
from importlib.metadata import entry_points


class _Once(logging.Filter):
    """Leaves out a record that says what the one before it said."""

    def __init__(self) -> None:
        super().__init__()
        self._said = ""

    def filter(self, record: logging.LogRecord) -> bool:
        said, self._said = self._said, record.getMessage()
        return said != self._said


def main() -> None:
    """Be `dagster-daemon`."""
    logging.getLogger("dagster.daemon.QueuedRunCoordinatorDaemon").addFilter(_Once())
    (command,) = entry_points(group="console_scripts", name="dagster-daemon")
    command.load()()


if __name__ == "__main__":
    main()
