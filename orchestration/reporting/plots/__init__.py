"""Pictures of marts, for the metadata of their assets: where a picture says more than a table.

A plot is one function that reads marts' columns and returns what draws them, and one entry in its file's `PLOTS`:
reading needs the warehouse, drawing takes its time and does not. Not here: a number that no mart defines.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import dagster as dg
import duckdb

from orchestration.base.site_profile import Site
from orchestration.base.sql import first_line
from orchestration.reporting.plots import breach, churn, dealers, fraud, market, retention_desk, revenue
from orchestration.reporting.plots.canvas import Draw, Plot, picture
from orchestration.warehouse.stage import Picture, ReadPicture, Warn


def plot_reader(site: Site) -> ReadPicture:
    """What reads the picture of a relation, amounts in the money of a site."""
    in_money = {**revenue.PLOTS, **retention_desk.MONEY_PLOTS}
    plots: Mapping[str, Plot] = {
        **churn.PLOTS, **market.PLOTS, **dealers.PLOTS, **retention_desk.PLOTS, **fraud.PLOTS, **breach.PLOTS,
        **{relation: partial(plot, site) for relation, plot in in_money.items()},
    }  # fmt: skip

    def read(con: duckdb.DuckDBPyConnection, relation: str) -> Picture:
        """What the picture shows, read now; drawn when it is asked for, without the connection."""
        plot = plots.get(relation)
        try:
            draw = plot(con) if plot else None
        except Exception as error:
            return partial(_without_picture, relation, error)
        return partial(_drawn, relation, draw)

    return read


def _drawn(relation: str, draw: Draw | None, warn: Warn) -> dict[str, dg.MetadataValue]:
    """The picture, if there is something to show. What cannot be drawn is a warning, no failure."""
    try:
        return {"plot": dg.MetadataValue.md(picture(draw))} if draw else {}
    except Exception as error:
        return _without_picture(relation, error, warn)


def _without_picture(relation: str, error: Exception, warn: Warn) -> dict[str, dg.MetadataValue]:
    warn(f"{relation} is shown without its picture: {first_line(error)}")
    return {}
