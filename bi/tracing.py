"""What a chart says under its title, if asked: the commands that trace the numbers that it shows.

Which row a number stands in is what the chart lets one see of it: the dashboard's choice, its axis, what it groups by,
and for a figure that grows the day. A reader puts these in place of `…`.
"""

from __future__ import annotations

import re
from typing import Any

_FEW = 3


def description(chart: dict[str, Any], dataset: dict[str, Any], columns: list[str], chosen: str | None) -> str:
    """Markdown; `columns` are the relation's, `chosen` is what the dashboard lets one choose a value of."""
    relation = chart["dataset"]
    if relation.startswith("ops."):
        return "What is published, and what the gates saw: `ringfence status`, `ringfence generations`."
    shown = _shown(chart, columns)
    row = [column for column in _row(chart, dataset, chosen) if column in columns]
    conditions = [*([chart["where"]] if "where" in chart else []), *(f"{column} = '…'" for column in row)]
    where = " and ".join(conditions) or "true"
    names = [f"{relation}.{column}" for column in shown if column not in row]
    if len(names) > _FEW:
        names = [f"{relation}.COLUMN"]
    if any("count(*)" in sql for sql in _metrics(chart)):
        names.append(relation)
    commands = "\n".join(f'- `ringfence trace "{name} where {where}"`' for name in names)
    listed = f"\n\nCOLUMN: {', '.join(column for column in shown if column not in row)}" if "COLUMN" in commands else ""
    return f"Where these numbers come from:\n\n{commands}{listed}"


def _metrics(chart: dict[str, Any]) -> list[str]:
    params = chart["params"]
    alone = [params["metric"]] if "metric" in params else []
    return [*alone, *params.get("metrics", {}).values(), *params.get("metrics_b", {}).values()]


def _shown(chart: dict[str, Any], columns: list[str]) -> list[str]:
    """Columns whose numbers the chart shows, in its order."""
    words = [word for sql in _metrics(chart) for word in re.findall(r"\w+", sql)]
    return list(dict.fromkeys(word for word in [*words, *chart["params"].get("all_columns", [])] if word in columns))


def _row(chart: dict[str, Any], dataset: dict[str, Any], chosen: str | None) -> list[str]:
    """Columns by which a reader tells which row a number stands in."""
    params = chart["params"]
    if params.get("query_mode") == "raw":
        return dataset["key"]
    axis = params.get("x_axis") or (dataset.get("time") if any("max" in sql for sql in _metrics(chart)) else None)
    return list(dict.fromkeys(column for column in (chosen, axis, *params.get("groupby", [])) if column))
