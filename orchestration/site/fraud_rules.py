"""Rows of `fraud_rules` held against the macros that read them: a parameter that nobody reads would do nothing.

What a rule's parameters are called, their types and how far they may go stand in the rule's own macro, in
`dbt_project/macros/rules`; here they are compared with what the table says.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from orchestration.base.files import RepeatedKeyError, parse_json
from orchestration.base.macros import call_macro

_WHOLE, _TEXT = ("integer", "bigint"), "string"


@dataclass(frozen=True)
class Parameter:
    """One parameter of a rule: its SQL type, and the values that the models can follow; None is unbounded."""

    type: str
    is_list: bool = False
    least: float | None = None
    most: float | None = None

    def mistake(self, value: Any) -> str | None:
        """What is wrong with a value."""
        if self.is_list:
            is_right = isinstance(value, list) and value and all(isinstance(one, str) for one in value)
            return None if is_right else 'must be a list of texts, as ["GAME"]'
        if self.type == _TEXT:
            return None if isinstance(value, str) and value else "must be a text"
        if isinstance(value, bool) or not isinstance(value, int if self.type in _WHOLE else int | float):
            return f"must be a {'whole ' if self.type in _WHOLE else ''}number"
        if self.least is not None and value < self.least:
            return f"is below {self.least}, the least that the rule can tell apart"
        if self.most is not None and value > self.most:
            return f"is above {self.most}, as far as the models look"
        return None


@dataclass(frozen=True)
class Rule:
    """What a rule reads of its row; of each pair `in_order`, the first must be below the second.

    `amounts` are the names of its evidence that are money.
    """

    parameters: Mapping[str, Parameter]
    in_order: tuple[tuple[str, str], ...] = ()
    amounts: frozenset[str] = frozenset()

    def mistakes(self, given: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with the parameters of a row."""
        for name in given.keys() - self.parameters.keys():
            near = difflib.get_close_matches(name, self.parameters, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(self.parameters) or 'none'}"
            yield f"the rule has no parameter {name!r}; {hint}"
        for name in self.parameters.keys() - given.keys():
            yield f"{name!r} is missing"
        wrong = {name: self.parameters[name].mistake(given[name]) for name in self.parameters.keys() & given.keys()}
        yield from (f"{name!r} {mistake}" for name, mistake in wrong.items() if mistake)
        for low, high in self.in_order:
            if wrong.get(low, "") is None and wrong.get(high, "") is None and given[low] >= given[high]:
                yield f"{low!r} must be below {high!r}"


@cache
def rules() -> Mapping[str, Rule]:
    """The rules that `rule_hit` knows, by name."""
    return {
        rule["rule_id"]: Rule(
            {name: Parameter(**says) for name, says in rule["parameters"].items()},
            tuple((low, high) for low, high in rule.get("in_order", ())),
            frozenset(rule.get("amounts", ())),
        )
        for rule in call_macro("fraud_rules")
    }


def mistakes_of_rule(rule_id: str, parameters: str) -> list[str]:
    """What is wrong with one row: its `parameters` are a JSON object."""
    if rule_id not in rules():
        return [f"no macro in dbt_project/macros/rules knows the rule {rule_id!r}"]
    try:
        given = parse_json(parameters)
    except RepeatedKeyError as error:
        return [str(error)]
    if not isinstance(given, dict):
        return ["must be a JSON object of the rule's parameters"]
    return sorted(rules()[rule_id].mistakes(given))
