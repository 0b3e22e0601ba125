"""Pictures of marts, for the metadata of their assets: where a picture says more than a table.

A plot is one function that reads marts' columns and draws them, and one entry in `PLOTS`. Not here: a number that no
mart defines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import dagster as dg
import duckdb

from orchestration.base.sql import first_line
from orchestration.reporting.plots import churn, fraud
from orchestration.reporting.plots.canvas import Draw, picture

#: Which mart shows which picture.
PLOTS: Mapping[str, Draw] = {**churn.PLOTS, **fraud.PLOTS}


def plot_metadata(
    con: duckdb.DuckDBPyConnection, relation: str, warn: Callable[[str], None]
) -> dict[str, dg.MetadataValue]:
    """The picture of a relation that has one and something to show. What cannot be drawn is a warning, no failure."""
    draw = PLOTS.get(relation)
    if draw is None:
        return {}
    try:
        image = picture(con, draw)
    except Exception as error:
        warn(f"{relation} is shown without its picture: {first_line(error)}")
        return {}
    return {"plot": dg.MetadataValue.md(image)} if image else {}
