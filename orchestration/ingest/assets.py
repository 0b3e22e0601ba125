"""One raw asset per contract, partitioned by extract date, judged by its gate in the same step."""

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.contracts import Feed, contract_paths
from orchestration.gates.asset_checks import asset_check_specs, said_of_day
from orchestration.gates.gate import check_relation
from orchestration.gates.judging import judge
from orchestration.gates.suites import Suite, load_suite
from orchestration.ingest import retention
from orchestration.ingest.arrivals import extract_dates_of
from orchestration.ingest.ingest import ingest
from orchestration.ingest.profile import create_delivery_profile
from orchestration.ingest.receipt import Receipt, newest, read_receipts
from orchestration.ingest.sources import SourceError, fetch
from orchestration.privacy.custody import shared
from orchestration.privacy.masking import without_numbers
from orchestration.runtime.outputs import not_made, written_in
from orchestration.runtime.partitions import daily_partitions, extract_dates
from orchestration.runtime.warehouse_lock import WAREHOUSE_POOL, warehouse_lock

_FETCHED = "fetched"
RETENTION = dg.AssetKey(["raw", "removed_days"])


def delivery_key(feed: str) -> dg.AssetKey:
    """The asset of what the source drops."""
    return dg.AssetKey(["landing", feed])


def raw_key(feed: str) -> dg.AssetKey:
    """The asset of a feed in raw."""
    return dg.AssetKey(["raw", feed])


def raw_assets(settings: Settings, feeds: Mapping[str, Feed]) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Per feed, what the source drops (external, or fetched) and what raw keeps of it."""
    found: list[dg.AssetsDefinition | dg.AssetSpec] = []
    contracts = contract_paths(settings)
    days = daily_partitions(settings, *extract_dates_of(settings, feeds))
    for feed in feeds.values():
        suite = load_suite("raw", feed.name, site=settings.site)
        found += [_delivery(settings, feed, days), _raw(settings, feed, suite, contracts[feed.name], days)]
    return found


def retention_asset(settings: Settings, feeds: Mapping[str, Feed]) -> dg.AssetsDefinition:
    """Removes days that are kept no longer, after each ingest, and says which."""

    @dg.asset(
        key=RETENTION,
        deps=[raw_key(name) for name in feeds],
        group_name="raw",
        kinds={"parquet"},
        owners=["team:platform"],
        tags={"restricted": ""},
        metadata=written_in(Path(retention.__file__)),
        pool=WAREHOUSE_POOL,
        description=(
            "One row per day and feed that was removed from raw, quarantine or landing, because it is older than "
            "RINGFENCE_KEEP_RAW_DAYS or has been ingested for RINGFENCE_KEEP_LANDING_DAYS. Without these, nothing goes."
        ),
    )
    def removed_days() -> dg.MaterializeResult[None]:
        with shared(settings), warehouse_lock(settings):
            gone = retention.remove_expired(settings, feeds)
        rows = "\n".join(f"| {one.room} | {one.feed} | {one.dt} | {one.bytes:,} |" for one in gone)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(gone),
                "bytes": sum(one.bytes for one in gone),
                "removed": dg.MetadataValue.md(f"| room | feed | day | bytes |\n|---|---|---|--:|\n{rows}"),
            }
        )

    return removed_days


def _delivery(settings: Settings, feed: Feed, days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition | dg.AssetSpec:
    spec = dg.AssetSpec(
        delivery_key(feed.name),
        description=f"{feed.grain} {feed.description}",
        group_name="deliveries",
        kinds={"file"},
        owners=[f"team:{feed.owner}"],
        tags={"source_system": feed.source_system},
    )
    return _fetched(settings, feed, spec, days) if feed.name in settings.site_profile.landing else spec


def _fetched(
    settings: Settings, feed: Feed, spec: dg.AssetSpec, days: dg.DailyPartitionsDefinition
) -> dg.AssetsDefinition:
    """Brings a feed's extracts into landing. A source that cannot be read is a failed check, and stops no other feed:
    what has not come is missing, as if nobody had laid it there."""
    key = delivery_key(feed.name)
    check = dg.AssetCheckSpec(_FETCHED, asset=key, description="Whether its source could be read.")

    @dg.multi_asset(
        name=f"landing_{feed.name}",
        specs=[spec.replace_attributes(partitions_def=days)],
        check_specs=[check],
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def landing(context: dg.AssetExecutionContext) -> Iterator[Any]:
        failure: str | None = None
        plan = settings.site_profile.numbers
        try:
            done = fetch(settings, feed, extract_dates(context), context.log.info)
            for one in done:
                files = dg.MetadataValue.json([without_numbers(name, plan) for name in one.files])
                yield dg.AssetMaterialization(key, partition=one.dt.isoformat(), metadata={"files": files})
        except SourceError as error:
            failure = without_numbers(str(error), plan)
            context.log.error(failure)
        yield not_made(key.to_python_identifier())
        yield dg.AssetCheckResult(asset_key=key, check_name=_FETCHED, passed=failure is None, description=failure)

    return landing


def _raw(
    settings: Settings, feed: Feed, suite: Suite, contract: Path, days: dg.DailyPartitionsDefinition
) -> dg.AssetsDefinition:
    key = raw_key(feed.name)
    is_personal = any(column.pseudonym for column in feed.columns)
    spec = dg.AssetSpec(
        key,
        deps=[delivery_key(feed.name)],
        description=f"{feed.grain} {feed.description} Accepted rows of each delivery, pseudonymised, by revision.",
        group_name="raw",
        kinds={"parquet", "duckdb"},
        owners=[f"team:{feed.owner}"],
        tags={"restricted": "", "gate": ""} | ({"pii": ""} if is_personal else {}),
        metadata={
            "dagster/column_schema": _columns(feed),
            "contract_version": feed.fingerprint[:12],
            **written_in(contract, Path(__file__)),
        },
        partitions_def=days,
    )

    @dg.multi_asset(
        name=f"raw_{feed.name}",
        specs=[spec],
        check_specs=asset_check_specs({key: suite}),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def raw(context: dg.AssetExecutionContext) -> Iterator[Any]:
        with shared(settings):
            yield from _take_and_judge(context, settings, feed, suite)

    return raw


def _take_and_judge(context: dg.AssetExecutionContext, settings: Settings, feed: Feed, suite: Suite) -> Iterator[Any]:
    """Ingest the days asked for, judge every delivery of the feed, and report."""
    key = raw_key(feed.name)
    done = ingest(
        settings, feed, extract_dates(context),
        lambda name, count, total: context.log.info(f"{name}: {count} of {total} deliveries"),
    )  # fmt: skip
    for ingested in done:
        receipt = ingested.receipt
        if ingested.is_new and receipt.refusal:
            context.log.error(f"{feed.name} {receipt.dt}: REFUSED: {receipt.refusal}")
    with connect(settings) as con:
        receipts = newest(read_receipts(settings.raw_dir, feed.name))
        profile = create_delivery_profile(con, settings, feed, receipts)
        judgement = judge(
            context, settings, key, suite, lambda: check_relation(con, suite, relation=profile),
            revisions={receipt.dt.isoformat(): receipt.rev for receipt in receipts},
        )  # fmt: skip
    for receipt in (ingested.receipt for ingested in done):
        if receipt.status == "ACCEPTED":
            day = receipt.dt.isoformat()
            metadata = _metadata(receipt) | {"gate": said_of_day(judgement.outcomes, day)}
            yield dg.AssetMaterialization(key, partition=day, metadata=metadata)
    why = "the site has no such feed" if feed.is_absent else "the source does not deliver every day"
    for nothing_due in _nothing_due(context, feed, {receipt.dt for receipt in receipts}):
        metadata = {"dagster/partition_row_count": 0, "due": f"Nothing: {why}."}
        yield dg.AssetMaterialization(key, partition=nothing_due.isoformat(), metadata=metadata)
    yield not_made(key.to_python_identifier())
    yield judgement.check


def _nothing_due(context: dg.AssetExecutionContext, feed: Feed, arrived: Collection[date]) -> list[date]:
    """Days asked for that are complete without a delivery, so that a month's partitions are not missing 29 times."""
    is_due_daily = feed.frequency_days == 1 and not feed.is_absent
    return [] if is_due_daily else [day for day in extract_dates(context) if day not in arrived]


def _metadata(receipt: Receipt) -> dict[str, Any]:
    return {
        "dagster/partition_row_count": receipt.rows_accepted,
        "revision": receipt.rev,
        "delivered_at": dg.MetadataValue.timestamp(receipt.delivered_at),
        "rows_read": receipt.rows_read,
        "rows_quarantined": receipt.rows_quarantined,
        "rows_duplicate": receipt.rows_duplicate,
        "reasons": dg.MetadataValue.json(receipt.reasons),
        "numbers_masked": dg.MetadataValue.json(receipt.hidden),
    }


def _columns(feed: Feed) -> dg.TableSchema:
    return dg.TableSchema(
        [
            dg.TableColumn(
                column.raw_name,
                column.raw_type,
                column.description,
                dg.TableColumnConstraints(nullable=not column.required),
                {"pii": ""} if column.pseudonym else {},
            )
            for column in feed.columns
        ]
    )
