"""Run the daily job for a range of extract dates, in this process, and say how it went."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import dagster as dg

from orchestration.automation.notifications import announce
from orchestration.automation.report_delivery import deliver_report
from orchestration.base.settings import PROJECT, Settings
from orchestration.base.sql import first_line
from orchestration.contracts import Feed
from orchestration.definitions import build_defs
from orchestration.gates import overrides
from orchestration.ingest.arrivals import days_to_run
from orchestration.ingest.receipt import newest, read_receipts
from orchestration.privacy.custody import check_key, shared
from orchestration.runtime.dagster_internals import RunResult, execute_as_of_location, partition_range
from orchestration.runtime.instance import JOB, open_instance
from orchestration.runtime.partitions import days_between
from orchestration.serving.generations import Publication, current_publication, publications
from orchestration.site.check import check_site
from orchestration.site.engine_needs import check_engine
from orchestration.state.run_report import Exit, RunReport
from orchestration.state.up_to_date import is_up_to_date
from orchestration.warehouse import dbt
from orchestration.warehouse.needs import check_needs

_POLL_SECONDS = 0.25


#: Called with a step's name, its latest message, and whether it has ended.
OnEvent = Callable[[str, str, bool], None]
#: Called before the first step with what each step is going to take, in seconds; 0 if nobody knows.
OnPlan = Callable[[Mapping[str, float]], None]


def run(
    settings: Settings,
    feeds: Mapping[str, Feed],
    first: date,
    last: date,
    on_event: OnEvent,
    *,
    on_plan: OnPlan = lambda seconds: None,
    accept: Sequence[str] = (),
    reason: str | None = None,
) -> RunReport:
    """Ingest, build, judge and publish the extract dates from `first` to `last`, both included.

    `accept` are failures to let through, as `raw/payments:volume_low@2026-01-03`, for a `reason`.

    Raises:
        OverrideError: if one of them cannot be accepted; then nothing runs.
        KeyMissingError: without a pseudonym key, or with another one than before, nothing runs.
        SiteError: if something in the site's folder would do nothing, or break a run.
        EngineNeedsError: if the engine for the models cannot run here.
        NeedsError: if a contract of the site lacks what models need of it.
        Refusal: if the range is empty, in the future, or nothing was delivered for any day of it.
    """
    check_engine(settings)
    check_key(settings)
    check_site(settings)
    check_needs(settings)
    first, last = days_to_run(settings, feeds, first, last)
    if accept or reason:
        overrides.accept(settings, accept, reason, _newest_revisions(settings))
    with open_instance(settings, is_at_terminal=True) as instance:
        untold: list[str] = []
        try:
            report = _run(settings, feeds, instance, first, last, on_event, on_plan)
        finally:
            for tell in (partial(announce, settings, feeds, instance), partial(deliver_report, settings, feeds)):
                try:
                    tell()
                except Exception as error:  # how a run ended does not depend on whether it could be told
                    untold.append(f"not told: {first_line(error)}")
        return replace(report, errors=[*report.errors, *untold])


def read_ahead(settings: Settings) -> None:
    """Read what a run begins with, beside whatever comes before it: the models are parsed, dbt is started."""
    build_defs(settings=settings)
    dbt.prepare(settings)


def _run(
    settings: Settings,
    feeds: Mapping[str, Feed],
    instance: dg.DagsterInstance,
    first: date,
    last: date,
    on_event: OnEvent,
    on_plan: OnPlan,
) -> RunReport:
    published = current_publication(settings)
    if published and is_up_to_date(settings, feeds, days_between(first, last)):
        return RunReport(_exit_code(published), True, published, [])
    with shared(settings):
        result = _execute(settings, instance, first, last, on_event, on_plan)
    if result is None:
        return RunReport(Exit.INTERRUPTED, False, None, [])
    ours = next((entry for entry in publications(settings) if entry.run_id == result.run_id), None)
    failures = result.get_step_failure_events()
    errors = [_message(event) for event in failures]
    if ours:
        return RunReport(_exit_code(ours), False, ours, errors)
    if not failures and (now := current_publication(settings)):  # what came was what had come before
        return RunReport(_exit_code(now), True, now, errors)
    # a step raises dg.Failure for what it was given, anything else for what befell it
    is_data = bool(failures) and all(event.step_failure_data.user_failure_data for event in failures)
    return RunReport(Exit.NOTHING_PUBLISHED if is_data else Exit.INFRASTRUCTURE, False, None, errors)


def _exit_code(publication: Publication) -> Exit:
    return Exit.HELD_BACK if publication.held_back else Exit.PUBLISHED


def _newest_revisions(settings: Settings) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for receipt in newest(read_receipts(settings.raw_dir)):
        found.setdefault(receipt.feed, {})[receipt.dt.isoformat()] = receipt.rev
    return found


def _execute(
    settings: Settings, instance: dg.DagsterInstance, first: date, last: date, on_event: OnEvent, on_plan: OnPlan
) -> RunResult | None:
    """Execute the job here, while a second thread relays the run's events to `on_event`; None if it was interrupted."""
    job = build_defs(settings=settings).resolve_job_def(JOB)
    dbt.prepare(settings)
    on_plan(_seconds_by_step(instance, job))
    run_id = str(uuid.uuid4())
    is_done = threading.Event()
    relay = threading.Thread(target=_relay, args=(instance, run_id, is_done, on_event), daemon=True)
    relay.start()
    try:
        result = execute_as_of_location(
            job, instance, PROJECT / "workspace.yaml", run_id=run_id,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags=partition_range(first, last),
        )  # fmt: skip
    except KeyboardInterrupt:  # before the first step or between two
        result = None
    finally:
        is_done.set()
        relay.join()
    if result and not any(map(_was_interrupted, result.get_step_failure_events())):
        return result
    # it has not failed: somebody did not want it any longer
    if run_ := instance.get_run_by_id(run_id):
        instance.report_run_canceled(run_, "Interrupted at the terminal.")
    return None


def _was_interrupted(event: dg.DagsterEvent) -> bool:
    error = event.step_failure_data.error
    while error and error.cause:
        error = error.cause
    return error is not None and error.cls_name in ("DagsterExecutionInterruptedError", "KeyboardInterrupt")


def _seconds_by_step(instance: dg.DagsterInstance, job: dg.JobDefinition) -> dict[str, float]:
    """What each step took in the last run that succeeded: a day is like the day before."""
    plan = {node.name: 0.0 for node in job.nodes}
    succeeded = dg.RunsFilter(job_name=JOB, statuses=[dg.DagsterRunStatus.SUCCESS])
    for run_ in instance.get_runs(succeeded, limit=1):
        for step in instance.get_run_step_stats(run_.run_id):
            if step.step_key in plan and step.start_time and step.end_time:
                plan[step.step_key] = step.end_time - step.start_time
    return plan


def _relay(instance: dg.DagsterInstance, run_id: str, is_done: threading.Event, on_event: OnEvent) -> None:
    cursor: str | None = None
    while True:
        was_done = is_done.wait(_POLL_SECONDS)
        page = instance.get_records_for_run(run_id, cursor=cursor)
        cursor = page.cursor or cursor
        for record in page.records:
            entry = record.event_log_entry
            if entry.step_key:
                event = entry.dagster_event
                has_ended = bool(event and (event.is_step_success or event.is_step_failure or event.is_step_skipped))
                if event is None or event.is_step_start or has_ended:
                    on_event(entry.step_key, entry.user_message if event is None else "", has_ended)
        if was_done and not page.records:
            return


def _message(event: Any) -> str:
    """What failed a step, without the name of the Python class that said it."""
    error = event.step_failure_data.error
    while error and error.cause:
        error = error.cause
    said = error.message.strip() if error else "failed"
    return f"{event.step_key}: {re.sub(r'^[a-z_]+[.][A-Za-z_.]+: ', '', said)}"
