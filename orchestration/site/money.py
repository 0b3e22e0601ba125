"""Amounts as people read them: in the currency's large unit, with the currency, never off by a power of ten.

The warehouse holds amounts as whole numbers of the smallest unit. How many of its decimals the large one has is the
currency's exponent in ISO 4217, unless the site's `currency_decimals` says otherwise.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from babel.numbers import get_currency_precision

from orchestration.base.site_profile import Site

#: Exponents of ISO 4217 where babel, which follows custom, knows no smaller unit.
_BY_STANDARD = {
    "AFN": 2, "ALL": 2, "IQD": 3, "IRR": 2, "KPW": 2, "LAK": 2, "LBP": 2, "MGA": 2, "MMK": 2, "SOS": 2, "SYP": 2,
    "YER": 2,
}  # fmt: skip
_LARGE = ((Decimal(10**9), "bn"), (Decimal(10**6), "M"))
#: From here on nobody asks for the smaller unit.
_WHOLE_FROM = 1000


def exponent(site: Site) -> int:
    """Decimals of the site's large unit: 2 for pence, 0 for yen, 3 for fils."""
    if site.currency_decimals is not None:
        return site.currency_decimals
    return _BY_STANDARD.get(site.currency, get_currency_precision(site.currency))


def smallest_unit(site: Site) -> str:
    """What amounts are counted in: `JPY`, which has no smaller unit, or `1/100 GBP`."""
    parts = 10 ** exponent(site)
    return site.currency if parts == 1 else f"1/{parts} {site.currency}"


def money(amount: float | Decimal, site: Site) -> str:
    """An amount exactly, of the smallest unit: `39.55 GBP`, `1,234.567 KWD`, `1,999 RWF`."""
    decimals = exponent(site)
    return f"{_large_units(amount, decimals):,.{decimals}f} {site.currency}"


def money_at_a_glance(amount: float | Decimal, site: Site) -> str:
    """The same for a page: millions and billions as such, and from a thousand on without the smaller unit."""
    units = _large_units(amount, exponent(site))
    for size, word in _LARGE:
        if abs(units) >= size:
            return f"{_rounded(units / size, 1):,} {word} {site.currency}"
    if abs(units) >= _WHOLE_FROM:
        return f"{_rounded(units, 0):,} {site.currency}"
    return money(amount, site)


def _large_units(amount: float | Decimal, decimals: int) -> Decimal:
    return _rounded(Decimal(str(amount)).scaleb(-decimals), decimals)


def _rounded(units: Decimal, decimals: int) -> Decimal:
    return units.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
