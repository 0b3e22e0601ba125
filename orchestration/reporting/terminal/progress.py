"""What is at work, for whoever waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

_A_MINUTE = 60


class RunDisplay:
    """Progress of a run: the step at work, how far it has got, how long it may still take, and what has ended."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, transient=True, refresh_per_second=8)
        self._started: dict[str, float] = {}
        self._left: dict[str, float] = {}
        self._steps = 0

    def __enter__(self) -> RunDisplay:
        self._live.start()
        self._live.update(Spinner("dots", "starting"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def on_plan(self, seconds: Mapping[str, float]) -> None:
        """Take the steps to come, each with the seconds that it took last time."""
        self._left, self._steps = dict(seconds), len(seconds)

    def on_event(self, step: str, message: str, has_ended: bool) -> None:
        """Take one event of the run."""
        started = self._started.setdefault(step, monotonic())
        if has_ended:
            self._left.pop(step, None)
            self._console.print(f"  {step:<32} {monotonic() - started:6.1f} s")
        else:
            at_work = f"{step} {message.splitlines()[0][:80] if message else ''}"
            remaining = self._remaining(step, monotonic() - started)
            self._live.update(Spinner("dots", Text.assemble(at_work, "  ", (remaining, "dim"))))

    def _remaining(self, step: str, worked: float) -> str:
        done = f"step {self._steps - len(self._left) + 1} of {self._steps}"
        seconds = sum(self._left.values()) - min(worked, self._left.get(step, 0))
        return f"{done}, about {_duration(seconds)} left" if seconds else done


class StepDisplay:
    """Progress of what is done in steps: each that has ended, with its seconds; in a pipe, too."""

    def __init__(self, console: Console, doing: str) -> None:
        self._console, self._began = console, monotonic()
        self._status = console.status(f"{doing}: this takes minutes")

    def __enter__(self) -> StepDisplay:
        self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()

    def on_step(self, step: str) -> None:
        """Take the name of a step that has ended."""
        now = monotonic()
        self._console.print(f"  {step.replace('_', ' '):<32} {now - self._began:6.1f} s")
        self._began = now


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < _A_MINUTE else f"{seconds / _A_MINUTE:.0f} min"
