"""The morning report on a phone and on a desk, by day and by night, with a real browser and no network."""

from __future__ import annotations

import pytest
from playwright.sync_api import sync_playwright

from tests.support.served import CHROMIUM
from tests.support.world import LAST, World

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed; on Debian: apt-get install chromium"
)
#: The lightness of a colour, as people see it, from 0 to 1 (WCAG's relative luminance).
LUMINANCE = """colour => {
    const [r, g, b] = colour.match(/[0-9.]+/g).slice(0, 3).map(Number).map(value => value / 255)
        .map(value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}"""
READABLE = 4.5  # WCAG AA


def test_the_report_fits_every_screen_is_readable_and_asks_nobody(published_world: World) -> None:
    report = published_world.settings.reports_dir / f"{LAST}.html"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for width in (320, 390, 768, 1280):
            for scheme in ("light", "dark"):
                context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
                page = context.new_page()
                asked: list[str] = []
                page.on("request", lambda request, asked=asked: asked.append(request.url))  # type: ignore[misc]
                page.goto(report.as_uri())
                assert asked == [report.as_uri()]
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                for selector in ("body", ".hero", "section p", "td", ".quiet", "small", ".chips li"):
                    colours = page.locator(selector).first.evaluate(
                        "(element, luminance) => { const of = eval(luminance); let behind = element; "
                        "while (getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') "
                        "behind = behind.parentElement; return [of(getComputedStyle(element).color), "
                        "of(getComputedStyle(behind).backgroundColor)]; }",
                        LUMINANCE,
                    )
                    dark, light = sorted(colours)
                    contrast = (light + 0.05) / (dark + 0.05)
                    assert contrast >= (3 if selector == ".hero" else READABLE), (selector, scheme, contrast)
                context.close()
        browser.close()
