"""Models and macros are written in what DuckDB and Spark share; what differs stands in `macros/engine/`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlglot import exp, parse_one

from orchestration.base.macros import render_model
from orchestration.warehouse.dbt import DBT_PROJECT


class Construct(NamedTuple):
    """What one engine does not know, or answers otherwise, and what to write instead; `example` is found by it."""

    pattern: str
    instead: str
    example: str


CONSTRUCTS = (
    Construct(
        r"(?<![\w.])\d+\.\d+(?![\w.]|e\d)", "100e0: Spark takes 100.0 for a decimal, and rounds what it calculates",
        "100.0 * departures / lines",
    ),
    Construct(r"\bas (varchar|text)\b", "string: Spark wants to know how long a varchar is", "cast(dt as varchar)"),
    Construct(r"\bas uuid\b", "{{ key_type() }}: Spark has no UUID", "cast(null as uuid)"),
    Construct(
        r"\btimestamptz\b|\btimestamp with time zone\b", "start_of_day() or end_of_time()",
        "timestamp with time zone '9999-12-31 00:00:00+00'",
    ),
    Construct(r"\bignore nulls\b", "last_known() or first_known()", "last_value(region ignore nulls) over so_far"),
    Construct(r"\* exclude\b", "the columns by name, or `qualify` in place of a rank", "select * exclude (place)"),
    Construct(r"\w::\w", "cast(… as …)", "occurred_at::date"),
    Construct(r"\blen\(", "items_in()", "len(seconds)"),
    Construct(
        r"\b(list|array_agg|collect_list)\(", "sorted_values(): what is gathered has no order", "list(seconds)"
    ),
    Construct(r"\b(string_agg|listagg|group_concat)\(", "ordered_list()", "string_agg(reason, ', ')"),
    Construct(r"\b(list|array)_(?!day\b)\w+\(", "a macro in macros/engine/lists.sql", "list_contains(found, key)"),
    Construct(
        r"\b(unnest|generate_series|explode|sequence)\(", "days_from_to() or integers_from_to()",
        "unnest(generate_series(1, 3))",
    ),
    Construct(r"\b(arg_max|arg_min|max_by|min_by)\(", "last_by()", "arg_max(status, dt)"),
    Construct(r"\b(quantile\w*|percentile\w*)\((?!'|[a-z_]+\()", "quantile()", "quantile_disc(days, 0.9)"),
    Construct(r"\bhash\(", "part_of(): Spark's are signed, and another function", "hash(line_key) % 3"),
    Construct(
        r"\b(date_?diff|date_sub|age|date_part)\(", "days_between() or full_months_between()", "date_diff('day', a, b)"
    ),
    Construct(
        r"\b(epoch|epoch_us|epoch_ms|unix_\w+)\(", "epoch_seconds() or seconds_between()", "epoch_us(occurred_at)"
    ),
    Construct(r"\bdate_trunc\('hour'", "start_of_hour(): of the hour that is there twice DuckDB knows one",
              "date_trunc('hour', occurred_at)"),
    Construct(
        r"\b(strftime|date_format|dayname|dayofweek|isodow|weekday)\(", "weekday_name(): numbers of weekdays differ",
        "dayofweek(date_day)",
    ),
    Construct(r"\b(json_\w+|from_json|to_json|get_json_object)\((?!'|rule\.)", "json_member() or json_text()",
              "json_extract(parameters, '$.days')"),
    Construct(r"\b(regexp_\w+|rlike|similar to)\b", "a macro: engines replace one or all, and escape differently",
              "regexp_replace(name, 'a', 'b')"),
    Construct(r"\bstarts_with\(", "like '…%'", "starts_with(case_id, 'case-')"),
    Construct(r"\bover [a-z_]+ -", "brackets round the window function: Spark reads `others - x` as one name",
              "sum(lines) over others - lines"),
    Construct(r"\s//\s", "cast(floor(a / b) as bigint)", "days // 7"),
    Construct(r"\bmode\(", "last_by() with a rank that has no ties", "mode(region_code)"),
    Construct(r"\b(asof|positional) join\b|\busing sample\b", "a plain join, is_sampled()", "asof join lines"),
    Construct(r"'[^'\n]*\\[^'\n]*'", "another sign: Spark takes a backslash for an escape", r"'a\d'"),
    Construct(r"\b(create|insert|delete|update) (or replace |temp|table|into|from)",
              "a macro in macros/engine/: a model is a query", "create temp table keys"),
)  # fmt: skip

_COMMENTS = re.compile(r"\{#.*?#\}|--[^\n]*", re.DOTALL)
#: Numbers that a macro returns to Jinja, and the share that one hands to the engine's own function.
_JINJAS_OWN = re.compile(r"\{\{ return\([\d.]+\) \}\}|\{\{ quantile\(.*?\) \}\}")
_ENGINE = DBT_PROJECT / "macros" / "engine"
MODELS = sorted((DBT_PROJECT / "models").rglob("*.sql"))
MACROS = [path for path in sorted((DBT_PROJECT / "macros").rglob("*.sql")) if _ENGINE not in path.parents]
#: Statements that one engine alone executes, and says so by its name.
_OF_ONE_ENGINE = re.compile(r"\{% macro (duckdb|spark)__.*?\{%-? endmacro -?%\}", re.DOTALL)


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])


def _found_in(text: str) -> Iterator[str]:
    for left_out in (_COMMENTS, _OF_ONE_ENGINE, _JINJAS_OWN):
        text = left_out.sub(_blank, text)
    for number, line in enumerate(text.splitlines(), 1):
        for construct in CONSTRUCTS:
            if found := re.search(construct.pattern, line):
                yield f"line {number}: {found[0]!r}: write {construct.instead}"


@pytest.mark.parametrize("construct", CONSTRUCTS, ids=lambda construct: construct.example)
def test_what_is_not_portable_is_found(construct: Construct) -> None:
    assert any(construct.instead in said for said in _found_in(construct.example))


def test_models_and_macros_are_written_in_what_both_engines_share() -> None:
    found = [
        f"{path.relative_to(DBT_PROJECT)}, {said}"
        for path in MODELS + MACROS
        for said in _found_in(path.read_text("utf-8"))
    ]
    assert not found, "\n".join(found)


def test_no_model_asks_which_engine_runs_it() -> None:
    asking = [
        path.name for path in MODELS if re.search(r"target\.|adapter\.|RINGFENCE_ENGINE", path.read_text("utf-8"))
    ]
    assert not asking


def test_what_an_engine_spells_in_its_own_way_every_engine_spells() -> None:
    text = "\n".join(path.read_text("utf-8") for path in sorted((DBT_PROJECT / "macros").rglob("*.sql")))
    dispatched = set(re.findall(r"adapter\.dispatch\('(\w+)', 'ringfence'\)", text))
    for engine in ("duckdb", "spark"):
        assert {name for name in dispatched if f"macro {engine}__{name}(" not in text} == set(), engine


def _rendered(engine: str) -> Iterator[tuple[Path, str]]:
    for path in MODELS:
        if "pipeline" in path.parts:  # they ask dbt's graph and the warehouse
            continue
        yield path, render_model(path.read_text("utf-8"), engine=engine)


def test_every_model_is_rendered_for_spark_and_reads_there_what_it_reads_on_duckdb() -> None:
    on_duckdb = dict(_rendered("duckdb"))
    differing = []
    for path, text in _rendered("spark"):
        read = [
            {table.sql() for table in parse_one(sql, dialect=dialect).find_all(exp.Table) if table.db}
            for sql, dialect in ((text, "spark"), (on_duckdb[path], "duckdb"))
        ]
        if read[0] != read[1]:
            differing.append(f"{path.name}: {read[0] ^ read[1]}")
    assert len(on_duckdb) > 90
    assert not differing
