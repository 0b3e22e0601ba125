"""`ringfence` as a shell starts it: Ctrl-C ends it from its first moment on, and it has streams to write to."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path


def main() -> None:
    """Become the command; what Ctrl-C interrupts while it is still being imported has not begun."""
    _prepare_streams()
    try:
        from orchestration.cli import app

        app()
    except KeyboardInterrupt:
        sys.exit(130)


def _prepare_streams() -> None:
    """A stream that the shell has closed leads nowhere: the next file that is opened would be it.

    A sign that the terminal's encoding lacks is printed as `?`.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):  # in the order of their numbers
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


if __name__ == "__main__":
    main()
