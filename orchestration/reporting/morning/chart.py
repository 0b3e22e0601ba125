"""The chart of the exodus: departures by day, against those to be expected without the incident."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from math import ceil, floor, log10

_LEFT, _TOP, _BOTTOM = 34, 20, 24
_DATE_WIDTH, _COUNT_WIDTH = 30, 40  # what a label needs, in pixels
_STEPS = (1, 2, 5, 10)
#: Colours of a chart that stands on no page, readable on light and on dark.
_STYLE = """<style>text { font-family: sans-serif; } .bar { fill: #d65f48; } .band { fill: #4a86b533; }
.baseline { stroke: #4a86b5; stroke-width: 2; } .grid { stroke: #88888855; } .axis, .count { fill: #888; }
.axis, .count { font-size: 11px; }</style>"""
_GAP = 0.26  # of a day's slot, beside its bar


@dataclass(frozen=True)
class ExodusDay:
    """One row of `churn.incident_effect`: departures and their baseline with its 95 % interval; None without one."""

    date_day: date
    is_processing_day: bool
    port_outs: int
    baseline: float | None
    low: float | None
    high: float | None


def exodus_svg(days: Sequence[ExodusDay], width: int, height: int, *, is_alone: bool = False) -> str:
    """The chart as SVG of that size; its colours are the page's, by CSS class, unless it stands alone."""
    ticks = _ticks(max([day.port_outs for day in days] + [day.high or 0 for day in days] + [1]))
    slot = (width - _LEFT) / len(days)

    def x(number: float) -> float:
        return _LEFT + number * slot

    def y(value: float) -> float:
        return _TOP + (height - _TOP - _BOTTOM) * (1 - value / ticks[-1])

    parts = [_STYLE] if is_alone else []
    parts += [_grid(ticks, y(tick), tick, width) for tick in ticks]
    for number, day in enumerate(days):
        parts.append(_bar(day, x(number + _GAP / 2), slot * (1 - _GAP), y(day.port_outs), y(0)))
    for number, day in enumerate(days):
        if day.baseline is not None and day.low is not None and day.high is not None and day.is_processing_day:
            parts.append(
                f'<rect class="band" x="{x(number):.1f}" width="{slot:.1f}" y="{y(day.high):.1f}" '
                f'height="{max(y(day.low) - y(day.high), 1):.1f}"/>'
                f'<line class="baseline" x1="{x(number):.1f}" x2="{x(number + 1):.1f}" '
                f'y1="{y(day.baseline):.1f}" y2="{y(day.baseline):.1f}"/>'
            )
    parts += _labels(days, slot, x, y, height)
    title = f"Departures by day from {days[0].date_day} to {days[-1].date_day}, and those to be expected"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )


def _grid(ticks: Sequence[int], at: float, tick: int, width: int) -> str:
    text = f"{tick // 1000}k" if tick and ticks[1] % 1000 == 0 else f"{tick:,}"
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{width}" y1="{at:.1f}" y2="{at:.1f}"/>'
        f'<text class="axis" x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{text}</text>'
    )


def _bar(day: ExodusDay, left: float, width: float, top: float, bottom: float) -> str:
    if not day.is_processing_day:
        return (
            f'<g><title>{day.date_day}: no processing</title><text class="axis" x="{left + width / 2:.1f}" '
            f'y="{bottom - 5:.1f}" text-anchor="middle">–</text></g>'
        )
    expected = "" if day.baseline is None else f"; expected {day.baseline:,.0f} ({day.low:,.0f} to {day.high:,.0f})"
    return (
        f"<g><title>{day.date_day}: {day.port_outs:,} left{expected}</title>"
        f'<rect class="bar" x="{left:.1f}" width="{width:.1f}" y="{top:.1f}" height="{bottom - top:.1f}" rx="2"/></g>'
    )


def _labels(
    days: Sequence[ExodusDay], slot: float, x: Callable[[float], float], y: Callable[[float], float], height: int
) -> list[str]:
    """Dates below as many bars as have room for one, and counts above them, or above the highest alone."""
    every = ceil(_DATE_WIDTH / slot)
    highest = max(range(len(days)), key=lambda number: days[number].port_outs)
    parts = []
    for number, day in enumerate(days):
        middle = x(number + 0.5)
        if number % every == 0:
            is_new_month = number == 0 or day.date_day.day <= every
            text = f"{day.date_day.day} {day.date_day:%b}" if is_new_month else f"{day.date_day.day}"
            parts.append(f'<text class="axis" x="{middle:.1f}" y="{height - 6}" text-anchor="middle">{text}</text>')
        if day.port_outs and (slot >= _COUNT_WIDTH or number == highest):
            parts.append(
                f'<text class="count" x="{middle:.1f}" y="{y(day.port_outs) - 5:.1f}" text-anchor="middle">'
                f"{day.port_outs:,}</text>"
            )
    return parts


def _ticks(highest: float) -> list[int]:
    """Round values from zero to the first above the highest."""
    magnitude = 10 ** floor(log10(highest / 4)) if highest > _STEPS[-1] else 1
    step = next(step * magnitude for step in _STEPS if step * magnitude * 4 >= highest)
    return [step * number for number in range(ceil(highest / step) + 1)]
