"""What the user is told when something that was asked for cannot be done."""

from __future__ import annotations


class Refusal(RuntimeError):
    """The reason is in the data, the set-up or the question, not in the code.

    The message is all that a user sees: what is wrong, where, and what to do.
    """
