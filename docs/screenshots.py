"""Take the pictures of docs/images from the running Dagster UI, with the system's Chromium.

Needs an installation that has run (`make demo`) and Chromium on the path. Everything stays on loopback.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from orchestration.base.settings import PROJECT, Settings
from orchestration.contracts import load_feeds
from orchestration.reporting.gates_page import write_gates_page
from orchestration.reporting.morning import write_morning_report
from orchestration.runtime.instance import prepare_dagster_home

IMAGES = Path(__file__).parent / "images"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
#: Whether every chart of a Superset dashboard has something to show.
DRAWN = """() => {
    const charts = [...document.querySelectorAll('.dashboard-component-chart-holder')];
    return charts.length > 3 && charts.every(one => one.querySelector('canvas, table, .header-line, .ant-empty'));
}"""
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def main() -> None:
    """Write one picture per page that the documentation shows."""
    browser_path = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if browser_path is None:
        sys.exit("No Chromium is installed; on Debian: apt-get install chromium")
    IMAGES.mkdir(exist_ok=True)
    with webserver() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        asset_graph(page, url)
        for name, path in {
            "asset-headline": "/assets/churn/incident_headline",
            "partitions": "/assets/raw/payments?view=partitions",
        }.items():
            page.goto(url + path)
            settled(page)
            page.screenshot(path=IMAGES / f"{name}.png")
        plot(page, url)
        checks(page, url)
        gates_page(browser)
        morning_report(browser)
        dashboards(browser)
        browser.close()


def asset_graph(page: Page, url: str) -> None:
    """The whole house: its groups, and what flows between them."""
    page.set_viewport_size({"width": 1500, "height": 800})
    page.goto(url + "/asset-groups")
    settled(page)
    skip = page.get_by_role("button", name="Skip")  # the welcome dialog of a new Dagster home
    if skip.is_visible():
        skip.click()
    settled(page)
    page.screenshot(path=IMAGES / "asset-graph.png")
    page.set_viewport_size({"width": 1600, "height": 900})


def plot(page: Page, url: str) -> None:
    """The picture in the metadata of a mart's asset."""
    page.goto(url + "/assets/churn/incident_headline")
    settled(page)
    page.get_by_text("Show Markdown").click()
    page.wait_for_timeout(1_000)
    page.get_by_role("img", name="lines left").screenshot(path=IMAGES / "asset-plot.png")


def checks(page: Page, url: str) -> None:
    """What a gate said in its check: each expectation with what was seen, expected and why; and failing rows."""
    page.goto(url + "/assets/staging/stg_network__sim_changes?view=checks")
    settled(page)
    shown = page.get_by_text("Show Markdown")
    shown.first.wait_for()
    for place, name in enumerate(("asset-checks", "asset-check-rows")[: shown.count()]):  # rows only where some failed
        shown.nth(place).click()
        page.wait_for_timeout(1_000)
        page.get_by_role("dialog").screenshot(path=IMAGES / f"{name}.png")
        page.get_by_role("button", name="Close").click()


def gates_page(browser: Browser) -> None:
    """The page of all gates, from its file."""
    page = browser.new_page(viewport={"width": 1100, "height": 1000})
    page.goto(write_gates_page(Settings()).as_uri())
    page.screenshot(path=IMAGES / "gates-page.png")


def morning_report(browser: Browser) -> None:
    """The report of the last day of the waiver, as it lies on a desk and on a phone at night."""
    settings = Settings()
    report = write_morning_report(settings, load_feeds(settings), date(2026, 1, 13))
    for name, width, height, scheme in (("report", 1180, 1240, "light"), ("report-phone-dark", 390, 1340, "dark")):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        page = context.new_page()
        page.goto(report.path.as_uri())
        page.screenshot(path=IMAGES / f"{name}.png")
        context.close()


def dashboards(browser: Browser) -> None:
    """Superset's two dashboards, when it has an environment (`make bi`)."""
    if not (PROJECT / ".venv-bi").exists():
        print("No pictures of Superset: it has no environment; `make bi` makes it")  # noqa: T201
        return
    port = free_port()
    command = [str(Path(sys.executable).with_name("ringfence")), "bi", "--port", str(port)]
    with served(command, f"http://127.0.0.1:{port}", "/health") as url:
        page = browser.new_page(viewport={"width": 1440, "height": 1420})
        page.goto(url + "/login/")
        page.locator("input[type=text]").first.fill("admin")
        page.locator("input[type=password]").fill((Settings().home / "bi" / "admin-password").read_text("utf-8"))
        page.keyboard.press("Enter")
        page.wait_for_url("**/welcome/**")
        for name in ("exodus", "fraud-desk"):
            page.goto(f"{url}/superset/dashboard/{name}/?standalone=1")
            page.wait_for_function(DRAWN, timeout=120_000)
            settled(page)
            page.screenshot(path=IMAGES / f"superset-{name}.png")


def settled(page: Page) -> None:
    """Wait until the page has stopped asking for data."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(4_000)


@contextmanager
def webserver() -> Iterator[str]:
    """The Dagster UI on a free port of loopback."""
    prepare_dagster_home(Settings())
    port = free_port()
    command = [str(Path(sys.executable).with_name("dagster-webserver")), "-h", "127.0.0.1", "-p", str(port)]
    with served([*command, "-w", str(PROJECT / "workspace.yaml")], f"http://127.0.0.1:{port}", "/server_info") as url:
        yield url


@contextmanager
def served(command: list[str], url: str, probe: str) -> Iterator[str]:
    """A server's address, from when it answers; it is stopped at the end."""
    process = subprocess.Popen(command, cwd=PROJECT, env=os.environ)
    try:
        for _ in range(600):  # Superset's first start takes minutes
            try:
                urllib.request.urlopen(url + probe, timeout=1)
                break
            except OSError:
                time.sleep(1)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
