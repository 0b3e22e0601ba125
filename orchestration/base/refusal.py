"""What the user is told when something that was asked for cannot be done."""

from __future__ import annotations

import difflib
from collections.abc import Collection

_MOST_NAMES = 20


class Refusal(RuntimeError):
    """The reason is in the data, the set-up or the question, not in the code.

    The message is all that a user sees: what is wrong, where, and what to do.
    """

    exit_code = 1


class UnknownNameError(Refusal):
    """Nothing has the name that was given."""

    exit_code = 2


def unknown(what: str, name: str, known: Collection[str]) -> UnknownNameError:
    """A refusal that suggests the nearest of the `known` names, or lists them if none is near."""
    near = difflib.get_close_matches(name, known, 1)
    listed = ", ".join(sorted(known)[:_MOST_NAMES]) + (", …" if len(known) > _MOST_NAMES else "")
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {listed}" if known else "there is none yet"
    return UnknownNameError(f"There is no {what} {name!r}; {hint}")
