"""Turn `dashboards.yaml` into Superset's databases, datasets, charts and dashboards, and import them.

What a column means is not written here: it is read from the comments in the published files.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from string import Template
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import duckdb
import yaml
from tracing import description

HERE = Path(__file__).resolve().parent
CURRENT = Path(os.environ["RINGFENCE_BI_SERVING"]) / "current"
VERSION = {"version": "1.0.0"}
TIME_TYPES = ("DATE", "TIMESTAMP")
COMMON = {"color_scheme": "supersetColors", "time_range": "No filter", "show_legend": True, "rich_tooltip": True}
STYLES = {
    "big_number_total": {"header_font_size": 0.4, "subheader_font_size": 0.15},
    "table": {
        "show_cell_bars": False,
        "table_timestamp_format": "%Y-%m-%d %H:%M",
        "order_desc": True,
        "page_length": 20,
        "row_limit": 10_000,
    },
    "pie": {"show_labels": True, "labels_outside": False, "show_labels_threshold": 3},
    "mixed_timeseries": {"opacity": 0.1, "markerEnabled": False},
}
CHART_HEIGHTS = {"big_number_total": 22, "table": 48}  # in Superset's rows of eight pixels


def main() -> None:
    """Import everything, over what was there; see that there is an administrator, and a role per database."""
    from superset.app import create_app

    with create_app().app_context():
        from flask import g
        from superset.commands.importers.v1.assets import ImportAssetsCommand

        g.user = administrator()
        ImportAssetsCommand({name: yaml.safe_dump(content) for name, content in objects().items()}).run()
        grant_roles()


def administrator() -> Any:
    """The user `admin`, with the password of its file (never on a command line, where others see it)."""
    from superset import security_manager

    password = (Path(os.environ["RINGFENCE_BI_HOME"]) / "admin-password").read_text("utf-8").strip()
    if user := security_manager.find_user("admin"):
        security_manager.reset_password(user.id, password)
        return user
    role = security_manager.find_role("Admin")
    return security_manager.add_user("admin", "Ringfence", "Admin", "admin@example.com", role, password=password)


def grant_roles() -> None:
    """A role named after each database, which may read it and nothing else: to be given beside `Gamma`."""
    from superset import db, security_manager
    from superset.models.core import Database

    for database in db.session.query(Database).all():
        role = security_manager.add_role(database.database_name)
        may_read = security_manager.add_permission_view_menu("database_access", database.perm)
        security_manager.add_permission_role(role, may_read)


def objects() -> dict[str, Any]:
    """Superset's import format: file name → content."""
    text = Template((HERE / "dashboards.yaml").read_text("utf-8"))
    described = yaml.safe_load(text.substitute(unit=os.environ["RINGFENCE_BI_MONEY_UNIT"]))
    found: dict[str, Any] = {"metadata.yaml": VERSION | {"type": "assets"}}
    for key, database in described["databases"].items():
        found[f"databases/{key}.yaml"] = database_object(key, database)
    published = {key: columns(database["file"]) for key, database in described["databases"].items()}
    datasets = {
        relation: dataset for relation, dataset in described["datasets"].items()
        if relation in published[dataset["database"]]
    }  # fmt: skip
    for relation, dataset in datasets.items():
        found[f"datasets/{dataset['database']}/{relation}.yaml"] = dataset_object(
            relation, dataset, published[dataset["database"]][relation]
        )
    for slug, dashboard in described["dashboards"].items():
        rows = [[chart for chart in row if chart["dataset"] in datasets] for row in dashboard["rows"]]
        chosen = dashboard.get("filter", {}).get("column")
        for chart in (chart for row in rows for chart in row):
            dataset = datasets[chart["dataset"]]
            names = [name for name, *_ in published[dataset["database"]][chart["dataset"]]]
            found[f"charts/{identity(slug, chart['title'])}.yaml"] = chart_object(slug, chart, dataset) | {
                "description": description(chart, dataset, names, chosen)
            }
        found[f"dashboards/{slug}.yaml"] = dashboard_object(slug, dashboard, [row for row in rows if row])
    return found


def identity(*names: str) -> str:
    """The same thing has the same identifier in every installation, so that an import replaces it."""
    return str(uuid5(NAMESPACE_URL, "/".join(("ringfence", *names))))


def columns(file: str) -> dict[str, list[tuple[str, str, str]]]:
    """Relations of a published file: name, type and description of each column."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    with duckdb.connect(str(CURRENT / file), read_only=True) as con:
        rows = con.execute(
            "select schema_name || '.' || table_name, column_name, data_type, coalesce(comment, '') "
            "from duckdb_columns() where not internal order by schema_name, table_name, column_index"
        ).fetchall()
    for relation, *column in rows:
        found.setdefault(relation, []).append(tuple(column))
    return found


def database_object(key: str, database: dict[str, str]) -> dict[str, Any]:
    """Opened per query, read-only, in the site's time zone; never more than a small part of the machine."""
    arguments = {
        "read_only": True,
        # in small letters, so that the driver sets it once the extension for time zones is loaded
        "config": {"timezone": os.environ["RINGFENCE_BI_TIMEZONE"], "memory_limit": "1GB", "threads": 2},
    }
    return VERSION | {
        "database_name": database["name"], "uuid": identity("database", key),
        "sqlalchemy_uri": f"duckdb:///{CURRENT / database['file']}",
        "expose_in_sqllab": True, "allow_ctas": False, "allow_cvas": False, "allow_dml": False,
        "allow_run_async": False, "cache_timeout": 0,
        "extra": {"engine_params": {"connect_args": arguments}, "allows_virtual_table_explore": True},
    }  # fmt: skip


def dataset_object(relation: str, dataset: dict[str, str], described: list[tuple[str, str, str]]) -> dict[str, Any]:
    """A published relation with the descriptions of its columns."""
    schema, table = relation.split(".")
    return VERSION | {
        "table_name": table, "schema": schema, "uuid": identity("dataset", relation),
        "database_uuid": identity("database", dataset["database"]), "main_dttm_col": dataset.get("time"),
        "sql": None, "filter_select_enabled": True, "metrics": [
            {"metric_name": name, "expression": sql} for name, sql in dataset.get("metrics", {}).items()
        ],
        "columns": [
            {
                "column_name": name, "type": type_, "description": comment, "is_active": True,
                "is_dttm": type_.startswith(TIME_TYPES), "groupby": True, "filterable": True,
            }
            for name, type_, comment in described
        ],
    }  # fmt: skip


def chart_object(slug: str, chart: dict[str, Any], dataset: dict[str, Any]) -> dict[str, Any]:
    """A chart; its metrics are SQL expressions, by label or alone."""
    params = dict(chart["params"])
    for name in params.keys() & {"metric"}:
        params[name] = metric(chart["title"], params[name])
    for name in params.keys() & {"metrics", "metrics_b"}:
        params[name] = [metric(label, sql) for label, sql in params[name].items()]
    if "order_by" in params:
        params["order_by_cols"] = [json.dumps(params.pop("order_by"))]
    if "where" in chart:
        params["adhoc_filters"] = [{"clause": "WHERE", "expressionType": "SQL", "sqlExpression": chart["where"]}]
    if chart["viz"] == "mixed_timeseries":
        params |= {"groupby": [], "groupby_b": []}
    if time := dataset.get("time"):
        params |= {"granularity_sqla": time}
    params = COMMON | STYLES.get(chart["viz"], {}) | params | {"viz_type": chart["viz"]}
    return VERSION | {
        "slice_name": chart["title"], "viz_type": chart["viz"], "params": params,
        "uuid": identity("chart", slug, chart["title"]), "dataset_uuid": identity("dataset", chart["dataset"]),
    }  # fmt: skip


def metric(label: str, sql: str) -> dict[str, Any]:
    """An expression over a dataset's columns."""
    return {
        "expressionType": "SQL",
        "sqlExpression": sql,
        "label": label,
        "optionName": f"metric_{identity(label, sql)}",
    }


def dashboard_object(slug: str, dashboard: dict[str, Any], rows: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """Charts in rows, a choice of days, and at most one of a value, set to the newest."""
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"id": "ROOT_ID", "type": "ROOT", "children": ["GRID_ID"]},
        "GRID_ID": {"id": "GRID_ID", "type": "GRID", "parents": ["ROOT_ID"], "children": []},
        "HEADER_ID": {"id": "HEADER_ID", "type": "HEADER", "meta": {"text": dashboard["title"]}},
    }
    for number, row in enumerate(rows):
        name = f"ROW-{number}"
        position["GRID_ID"]["children"].append(name)
        position[name] = {
            "id": name, "type": "ROW", "parents": ["ROOT_ID", "GRID_ID"],
            "meta": {"background": "BACKGROUND_TRANSPARENT"}, "children": [],
        }  # fmt: skip
        for place, chart in enumerate(row):
            child = f"CHART-{number}-{place}"
            position[name]["children"].append(child)
            position[child] = {
                "id": child, "type": "CHART", "parents": ["ROOT_ID", "GRID_ID", name], "children": [],
                "meta": {
                    "chartId": 100 * number + place,  # Superset replaces it by its own
                    "uuid": identity("chart", slug, chart["title"]), "sliceName": chart["title"],
                    "width": chart["width"], "height": CHART_HEIGHTS.get(chart["viz"], 46),
                },
            }  # fmt: skip
    filters = [days_filter(), *([filter_object(dashboard["filter"])] if "filter" in dashboard else [])]
    return VERSION | {
        "dashboard_title": dashboard["title"], "slug": slug, "uuid": identity("dashboard", slug), "position": position,
        "published": True,
        "metadata": {"native_filter_configuration": filters, "color_scheme": "supersetColors", "refresh_frequency": 0,
                     "cross_filters_enabled": True},
    }  # fmt: skip


def days_filter() -> dict[str, Any]:
    """A choice of days for every chart over time, at first all of them."""
    return {
        "id": "NATIVE_FILTER-days", "name": "Days", "type": "NATIVE_FILTER", "filterType": "filter_time",
        "targets": [{}], "controlValues": {"enableEmptyFilter": False},
        "scope": {"rootPath": ["ROOT_ID"], "excluded": []}, "cascadeParentIds": [], "defaultDataMask": {},
    }  # fmt: skip


def filter_object(described: dict[str, str]) -> dict[str, Any]:
    """A choice of one value, at first the one that sorts highest."""
    column = described["column"]
    return {
        "id": f"NATIVE_FILTER-{column}", "name": described["name"], "type": "NATIVE_FILTER",
        "filterType": "filter_select",
        "targets": [{"column": {"name": column}, "datasetUuid": identity("dataset", described["dataset"])}],
        "controlValues": {"multiSelect": False, "enableEmptyFilter": True, "defaultToFirstItem": True,
                          "sortAscending": False, "inverseSelection": False, "searchAllOptions": False},
        "requiredFirst": True,  # charts wait for it
        "sortMetric": described["sorted_by"],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": []}, "cascadeParentIds": [], "defaultDataMask": {},
    }  # fmt: skip


if __name__ == "__main__":
    main()
