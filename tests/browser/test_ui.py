"""A data engineer's morning in the Dagster UI, with a real browser against the real server and daemon."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from orchestration.serving.generations import Publication, current_publication
from tests.support.served import CHROMIUM, served
from tests.support.world import FIRST, LAST, World

GROUPS = ("deliveries", "raw", "staging", "int_portability", "reference", "core", "churn", "fraud", "serving")
PAGE_MS, RUN_MS = 120_000, 420_000

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed; on Debian: apt-get install chromium"
)


def _materialise(page: Page, url: str, world: World, runs: int) -> Publication:
    """Launch the daily job for the last day, watch it be the `runs`th that succeeds, and return what is published."""
    page.goto(f"{url}/locations/ringfence/jobs/daily")
    page.get_by_role("button", name="Materialize all").click(timeout=PAGE_MS)
    dialog = page.get_by_role("dialog")
    days = dialog.locator("input[type=text]").first
    days.fill(LAST.isoformat())
    days.press("Enter")
    dialog.get_by_role("button", name="Launch 1 run").click(timeout=PAGE_MS)
    expect(dialog).to_be_hidden(timeout=PAGE_MS)
    page.goto(f"{url}/runs")
    expect(page.get_by_text("Success", exact=True)).to_have_count(runs, timeout=RUN_MS)
    published = current_publication(world.settings)
    assert published is not None
    return published


def _says_of_partitions(page: Page, url: str, expected: dict[str, int]) -> None:
    page.goto(f"{url}/locations/ringfence/jobs/daily/partitions")
    for label, count in expected.items():
        beside = page.get_by_text(label, exact=True).locator("xpath=..")
        expect(beside).to_have_text(f"{count}{label}", timeout=PAGE_MS)


def _gate_says(page: Page, url: str, asset: str, verdict: str) -> None:
    page.goto(f"{url}/assets/{asset}?view=checks")
    expect(page.get_by_text(re.compile(f"^{verdict}: ")).first).to_be_visible(timeout=PAGE_MS)


@pytest.mark.timeout(1800)
def test_a_morning_in_the_ui(published_world: World, copy_of: Callable[[World], World]) -> None:
    world = copy_of(published_world)
    (folder,) = world.settings.landing_dir.glob(f"portability_events/dt={LAST}")
    (extract,) = folder.glob("*.csv*")
    good = extract.read_bytes()
    with (
        served(world, "ui", probe="server_info", seconds=180, stop=signal.SIGINT) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1600, "height": 1000})

        page.goto(f"{url}/asset-groups")
        for group in GROUPS:
            expect(page.get_by_text(group, exact=True).first).to_be_attached(timeout=PAGE_MS)

        # the run that made this world was the command's
        page.goto(f"{url}/locations/ringfence/jobs/daily/runs")
        expect(page.get_by_text("Success", exact=True)).to_have_count(1, timeout=PAGE_MS)
        days = (LAST - FIRST).days + 1
        _says_of_partitions(page, url, {"Total partitions": days, "Missing partitions": 0})

        before = current_publication(world.settings)
        assert _materialise(page, url, world, 2) == before, "the same again"
        _gate_says(page, url, "raw/portability_events", "open")
        _gate_says(page, url, "churn/port_flow_daily", "open")
        assert before is not None
        good_rows = {entry.relation: entry.checksum for entry in before.relations}

        (folder / "_manifest.json").unlink(missing_ok=True)
        extract.write_bytes(good.replace(b"donor_provider", b"donor", 1))
        broken = _materialise(page, url, world, 3)
        _gate_says(page, url, "raw/portability_events", "closed")
        _gate_says(page, url, "churn/port_flow_daily", "held back by portability_events")
        held = {entry.relation: entry for entry in broken.relations if entry.held_back_by}
        assert "churn.port_flow_daily" in held
        assert held.keys().isdisjoint({"core.dim_line", "fraud.fct_payment", "fraud.alert"})
        assert all(entry.checksum == good_rows[relation] for relation, entry in held.items())

        extract.write_bytes(good)
        healed = _materialise(page, url, world, 4)
        _gate_says(page, url, "raw/portability_events", "open")
        assert healed.held_back == {}
        assert {entry.relation: entry.checksum for entry in healed.relations} == good_rows
        browser.close()
