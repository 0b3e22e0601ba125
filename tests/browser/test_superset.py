"""Superset over the published files, as `make bi` starts it: dashboards that draw, and show the newest publication."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, sync_playwright

from orchestration.base.settings import PROJECT
from orchestration.serving.generations import current_publication
from orchestration.serving.publish import publish
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph
from tests.support.served import CHROMIUM, served
from tests.support.world import World

DRAW_MS = 180_000
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed; on Debian: apt-get install chromium"),
    pytest.mark.skipif(not (PROJECT / ".venv-bi").exists(), reason="Superset has no environment; `make bi` makes it"),
]


def text_of(page: Page, url: str, dashboard: str, expected: str) -> str:
    """What a dashboard says, once it says what is expected."""
    page.goto(f"{url}/superset/dashboard/{dashboard}/?standalone=1")
    page.get_by_text(expected, exact=False).first.wait_for(timeout=DRAW_MS)
    page.wait_for_load_state("networkidle", timeout=DRAW_MS)
    return page.locator("body").inner_text()


def test_both_dashboards_draw_and_the_next_look_shows_a_new_publication(
    published_world: World, copy_of: Callable[[World], World]
) -> None:
    world = copy_of(published_world)
    with served(world, "bi", probe="health", seconds=600, stop=signal.SIGTERM) as url, sync_playwright() as playwright:
        secret = world.settings.home / "bi" / "admin-password"
        assert secret.stat().st_mode & 0o777 == 0o600
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 1500})
        page.goto(f"{url}/login/")
        page.locator("input[type=text]").first.fill("admin")
        page.locator("input[type=password]").fill(secret.read_text("utf-8"))
        page.keyboard.press("Enter")
        page.wait_for_url("**/welcome/**", timeout=DRAW_MS)
        before = text_of(page, url, "exodus", "312,902")
        assert "74.2" in before
        assert "error" not in before.lower()
        assert "error" not in text_of(page, url, "fraud-desk", "Suspected payments, the highest").lower()
        publish(world.settings, Graph(dbt.manifest(world.settings)), world.feeds, "a test")
        now = current_publication(world.settings)
        assert now is not None
        after = text_of(page, url, "exodus", f"{now.published_at.astimezone():%Y-%m-%d}")
        assert after != before
        browser.close()
