"""What the models need of a shipped feed's columns, held against a site's own version of its contract.

A site may write the contract of a shipped feed anew: other headers, formats, words. What raw then holds is still what
the models read. A column that is left out, that may be empty or that has another type would fail the run when the
first model meets it; here it is said before, with the models and with what to write instead.

Followed by name through the rendered SQL, from the models that read the feed to those built on them: where a column's
values go on as they are, its emptiness does too, until a `coalesce`, a `case` or a count ends it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter

import yaml
from sqlglot import exp, parse_one

from orchestration.base.macros import render_model
from orchestration.base.refusal import Refusal
from orchestration.base.settings import PROJECT, Settings
from orchestration.contracts import Column, Feed, contract_paths, load_feed
from orchestration.contracts.reader import SHIPPED

_MODELS = PROJECT / "dbt_project" / "models"
_MOST_NAMED = 4
#: What makes a value of nothing, or says something else where there is nothing.
_ENDS_EMPTINESS = (exp.Coalesce, exp.Case, exp.If, exp.Count, exp.Is, exp.Not, exp.AggFunc, exp.Window)
_KEEPS_EMPTINESS = (exp.Max, exp.Min, exp.ArgMax, exp.ArgMin, exp.First, exp.Last, exp.AnyValue)


class NeedsError(Refusal):
    """A contract of the site lacks what the models need of it; the message names each column."""


@dataclass(frozen=True)
class Model:
    """A model: what it reads, the columns that it names, and which of them are passed on as which.

    `required` are its columns that must not be empty.
    """

    reads: frozenset[str]
    names: frozenset[str]
    passes: frozenset[tuple[str, str]]
    required: frozenset[str]


def check_needs(settings: Settings) -> str:
    """Hold the site's versions of shipped feeds against the models; say which these are.

    Raises:
        NeedsError: with every column that the models would miss, the file and what to write instead.
        ContractError: of a contract that has mistakes in itself.
    """
    own = {name: path for name, path in contract_paths(settings).items() if path.parent != SHIPPED}
    if found := [f"{path}: {said}" for path in own.values() for said in unmet(load_feed(path))]:
        raise NeedsError("\n".join(found))
    return f"the site's own {', '.join(own)}" if own else "the shipped contracts"


def unmet(feed: Feed) -> Iterator[str]:
    """What models need and a feed's contract does not give; nothing for a feed that is not a shipped one."""
    path = SHIPPED / f"{feed.name}.yaml"
    if not path.exists():
        return
    given = {column.raw_name: column for column in feed.columns}
    for needed in load_feed(path).columns:
        yield from _of_column(feed.name, needed, given.get(needed.raw_name))


def _of_column(feed: str, needed: Column, given: Column | None) -> Iterator[str]:
    name = needed.name if needed.name == needed.raw_name else f"{needed.name} (in raw {needed.raw_name})"
    if given is None:
        readers = _readers(feed, needed.raw_name)
        yield f"column {name} is left out, and {_listed(readers)} {_read(readers)} it; {_instead(needed)}"
        return
    if given.raw_type != needed.raw_type and (readers := _readers(feed, needed.raw_name)):
        yield (
            f"column {name} is {given.raw_type}, and {_listed(readers)} {_read(readers)} it as {needed.raw_type}; "
            f"write the types of the shipped contract{_physical(needed)}"
        )
    if needed.required and not given.required and (wanted := _must_not_be_empty(feed, needed.raw_name)):
        yield (
            f"column {name} may be empty, and {_listed(wanted)} must not be; leave `required: false` out, so that "
            f"such rows go to quarantine, or {_instead(needed)}"
        )


def _read(models: list[str]) -> str:
    return "reads" if len(models) == 1 else "read"


def _physical(needed: Column) -> str:
    return f" (physicalType: {needed.type})" if needed.is_number else ""


def _instead(needed: Column) -> str:
    """What a contract may say where the source has no such column of its own."""
    if needed.pseudonym or needed.key_position is not None:
        return "name the file's column in `sourceHeader`"
    example = needed.domain[0] if needed.domain else "…"
    return (
        f"write `{{property: constant, value: {example}}}`, or, where another column of the file says as much, "
        "`{property: sameSourceAs, value: COLUMN}`"
    )


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _readers(feed: str, column: str) -> list[str]:
    """Models that name a feed's column, nearest first; what only stages it comes last."""
    return sorted(_tracked(feed, column, is_emptiness=False), key=lambda name: name.startswith("stg_"))


def _must_not_be_empty(feed: str, column: str) -> list[str]:
    """Columns that a feed's column makes empty where it is, though they must not be; nearest first."""
    tracked = _tracked(feed, column, is_emptiness=True)
    return [f"{name}.{one}" for name, ones in tracked.items() for one in sorted(ones & models()[name].required)]


def _tracked(feed: str, column: str, *, is_emptiness: bool) -> dict[str, frozenset[str]]:
    """Models that a column reaches, each with the names that it has there."""
    found = {feed: frozenset({column}), f"{feed}__all_revisions": frozenset({column})}
    origins = set(found)
    for name in _in_order():
        model = models()[name]
        names = {one for parent in model.reads & found.keys() for one in found[parent]} & model.names
        if not names:
            continue
        passed = {ours for theirs, ours in model.passes if theirs in names}
        found[name] = frozenset(passed if is_emptiness else names | passed)
    return {name: names for name, names in found.items() if name not in origins and names}


@cache
def _in_order() -> tuple[str, ...]:
    graph = {name: model.reads & models().keys() for name, model in models().items()}
    return tuple(TopologicalSorter(graph).static_order())


@cache
def models() -> Mapping[str, Model]:
    """The models in SQL by name, those of the pipeline's own left out."""
    required = _required()
    found = {}
    for path in sorted(_MODELS.rglob("*.sql")):
        if _MODELS / "pipeline" in path.parents:
            continue
        text = render_model(path.read_text("utf-8"))
        found[path.stem] = _model(text, required.get(path.stem, frozenset()))
    return found


def _model(text: str, required: frozenset[str]) -> Model:
    tree = parse_one(text, dialect="duckdb")
    passes = {
        (column.name, projection.alias_or_name)
        for select in tree.find_all(exp.Select)
        for projection in select.expressions
        for column in _passed(projection)
    }
    return Model(
        reads=frozenset(table.name for table in tree.find_all(exp.Table) if table.db),
        names=frozenset(column.name for column in tree.find_all(exp.Column)),
        passes=frozenset(passes),
        required=required,
    )


def _passed(projection: exp.Expression) -> list[exp.Column]:
    """Columns whose emptiness makes a projection empty."""
    ends = [node for node in projection.find_all(*_ENDS_EMPTINESS) if not isinstance(node, _KEEPS_EMPTINESS)]
    return [] if ends else list(projection.find_all(exp.Column))


def _required() -> dict[str, frozenset[str]]:
    """Per model, its columns with a not-null constraint."""
    found: dict[str, frozenset[str]] = {}
    for path in sorted(_MODELS.rglob("*.yml")):
        for model in (yaml.safe_load(path.read_text("utf-8")) or {}).get("models", []):
            found[model["name"]] = frozenset(
                column["name"]
                for column in model.get("columns", [])
                if any(constraint["type"] == "not_null" for constraint in column.get("constraints", []))
            )
    return found
