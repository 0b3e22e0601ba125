"""All that the project takes from Dagster beside its public interface, each with what to watch for.

A new Dagster is tried with `tests/integration/test_graph.py` and `tests/unit/test_automation.py` first: they use all
of it. Great Expectations' internals stand behind `gates/engine/` in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.events.log import EventLogEntry
from dagster._core.execution.api import execute_run
from dagster._core.execution.execution_result import ExecutionResult
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_origin import RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)
from dagster._core.workspace.load import location_origins_from_yaml_paths
from dagster._serdes import ConfigurableClassData
from dagster._utils.warnings import disable_dagster_warnings

if TYPE_CHECKING:
    from pathlib import Path

    from dagster_dbt import DagsterDbtTranslator

#: What a run that `execute_as_of_location` has executed returns.
RunResult = ExecutionResult

#: What `runtime/event_log.py` builds on. Watch for: an event log that keeps its connections.
StoredEvent = EventLogEntry
ShippedEventLog = SqliteEventLogStorage
Configured = ConfigurableClassData

#: What `dg.define_asset_job` returns. Watch for: a public name for it.
UnresolvedJob = UnresolvedAssetJobDefinition

#: Metadata that lets an output satisfy the steps behind it without a materialization of its asset.
#: Watch for: outputs that are shown as materialized although a gate holds their model back.
OBSERVED_ONLY: Mapping[str, Any] = {SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True}


def partition_range(first: date, last: date) -> dict[str, str]:
    """Tags by which one run takes all partitions from the first to the last, even if it is one.

    A run reads the deliveries itself, and may know days that the process that asks for it does not know yet.
    Watch for: `dg.RunRequest` with a range of partitions, or an argument of `dg.execute_job`.
    """
    return {
        ASSET_PARTITION_RANGE_START_TAG: first.isoformat(),
        ASSET_PARTITION_RANGE_END_TAG: last.isoformat(),
    }


def days_of(run: dg.DagsterRun) -> tuple[str | None, str | None]:
    """The first and the last partition of a run. Watch for: a public way to ask a run for its partitions."""
    alone = run.tags.get(PARTITION_NAME_TAG)
    return run.tags.get(ASSET_PARTITION_RANGE_START_TAG, alone), run.tags.get(ASSET_PARTITION_RANGE_END_TAG, alone)


def execute_as_of_location(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    workspace: Path,
    *,
    run_id: str,
    run_config: Mapping[str, Any],
    tags: Mapping[str, str],
) -> RunResult:
    """Execute a job in this process, as a run of the code location that `workspace` names.

    `execute_in_process` would make a run of nothing: the UI shows it neither on the timeline nor under its job.
    Watch for: `dg.execute_job` or `execute_in_process` with the origin of the job.
    """
    (location,) = location_origins_from_yaml_paths([str(workspace)])
    run = instance.create_run_for_job(
        job, run_id=run_id, run_config=run_config, tags={**job.run_tags, **tags},
        remote_job_origin=RemoteJobOrigin(RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME), job.name),
    )  # fmt: skip
    return execute_run(InMemoryJob(job), run, instance)


def without_beta_warnings() -> AbstractContextManager[None]:
    """Keep quiet about classes that are in beta. Watch for: `CodeReferencesMetadataValue` out of beta."""
    return disable_dagster_warnings()


def instance_ref(home: str, overrides: Mapping[str, Any]) -> InstanceRef:
    """The instance of a folder, with parts of its `dagster.yaml` overridden.

    Watch for: `DagsterInstance.from_config` with overrides.
    """
    return InstanceRef.from_dir(home, overrides=overrides)


def free_pool_slots(instance: dg.DagsterInstance, run_id: str) -> None:
    """Give back what a dead run holds of the pools. Watch for: run monitoring that sees a dead local process itself."""
    instance.event_log_storage.free_concurrency_slots_for_run(run_id)


def dbt_specs(
    translator: DagsterDbtTranslator, manifest: Mapping[str, Any], select: str
) -> tuple[list[dg.AssetSpec], list[dg.AssetCheckSpec]]:
    """dbt's nodes as assets, and its tests as checks that block nothing: a stage holds back only what rests on them.

    Watch for: `@dbt_assets` with a command of our own, and a public way to say that checks do not block.
    """
    from dagster_dbt.asset_utils import build_dbt_specs  # seconds to import

    assets, checks = build_dbt_specs(
        translator=translator, manifest=manifest, select=select, exclude="resource_type:unit_test", selector="",
        io_manager_key=None, project=None,
    )  # fmt: skip
    return list(assets), [check._replace(blocking=False) for check in checks]
