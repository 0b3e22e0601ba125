"""Pages as assets: the morning report behind the publication that it reads, and the gates beside it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.privacy.custody import shared
from orchestration.reporting import gates_page as gates
from orchestration.reporting.glossary import write_glossary
from orchestration.reporting.morning import MorningReport, NothingToReportError, page, write_morning_report
from orchestration.reporting.reconciliation import write_reconciliation
from orchestration.runtime.outputs import written_in
from orchestration.serving.assets import KEY as PUBLICATION
from orchestration.serving.assets import before_publication
from orchestration.warehouse.graph import Graph


def report_asset(settings: Settings, feeds: Mapping[str, Feed], graph: Graph) -> dg.AssetsDefinition:
    """`reports/<day>.html`, of the newest day that is published."""

    @dg.asset(
        key=["reports", "morning_report"],
        deps=[PUBLICATION],
        group_name="serving",
        kinds={"html"},
        owners=["team:platform"],
        tags={"open": ""},
        metadata=written_in(Path(page.__file__)),
        description="One self-contained page per day: the headline with both denominators, the exodus against its "
        "baseline, fraud, what was restated, feeds and gates. Every number on it is a published column.",
    )
    def morning_report() -> dg.MaterializeResult[None]:
        glossary = write_glossary(settings, graph)
        metadata: dict[str, dg.MetadataValue[str]] = {
            "glossary": dg.MetadataValue.url(settings.page_url(glossary.name)),
        }
        if reconciliation := write_reconciliation(settings):
            metadata["reconciliation"] = dg.MetadataValue.url(settings.page_url(reconciliation.name))
        try:
            metadata |= _told(settings, write_morning_report(settings, feeds))
        except NothingToReportError as nothing:  # of a site with feeds of its own alone, every morning
            metadata["summary"] = dg.MetadataValue.text(str(nothing))
        return dg.MaterializeResult(metadata=metadata)

    return morning_report


def _told(settings: Settings, report: MorningReport) -> dict[str, dg.MetadataValue[str]]:
    told: dict[str, dg.MetadataValue[str]] = {
        "day": dg.MetadataValue.text(str(report.day)),
        "report": dg.MetadataValue.url(settings.page_url(report.path.name)),
        "summary": dg.MetadataValue.md(report.summary.replace("\n", "\n\n")),
    }
    if drawing := report.svg:
        picture = base64.b64encode(drawing.encode()).decode()
        told["exodus"] = dg.MetadataValue.md(f"![Departures by day](data:image/svg+xml;base64,{picture})")
    return told


def gates_page_asset(settings: Settings, graph: Graph) -> dg.AssetsDefinition:
    """`reports/gates.html`; not behind the publication, since a gate may be why there is none."""

    @dg.asset(
        key=["reports", "gates_page"],
        deps=before_publication(graph),
        group_name="serving",
        kinds={"html"},
        owners=["team:platform"],
        tags={"restricted": ""},
        metadata=written_in(Path(gates.__file__)),
        description="Every gate over the last runs, what failed and how to accept it, and quarantine by reason.",
    )
    def gates_page() -> dg.MaterializeResult[None]:
        with shared(settings):
            page = gates.write_gates_page(settings)
        return dg.MaterializeResult(metadata={"page": dg.MetadataValue.url(settings.page_url(page.name))})

    return gates_page
