"""What a step gives back to Dagster: outputs that claim nothing, links to what it is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.runtime.dagster_internals import OBSERVED_ONLY, without_beta_warnings


def not_made(output_name: str) -> dg.Output[None]:
    """An output that lets the steps behind it run without claiming that its asset was made.

    Dagster skips a step if one of the outputs that it depends on is missing. Here a missing delivery, or a model
    that a gate holds back, must not stop what does not need it; and must not be shown as materialized either.
    Dagster's own observable sources use this mark for the same end.
    """
    return dg.Output(None, output_name=output_name, metadata=OBSERVED_ONLY)


def written_in(*paths: Path) -> dict[str, Any]:
    """Metadata that lets the UI open these files."""
    with without_beta_warnings():  # one for every link
        references: list[dg.LocalFileCodeReference | dg.UrlCodeReference] = [
            dg.LocalFileCodeReference(file_path=str(path), label=path.name) for path in paths
        ]
        return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=references)}
