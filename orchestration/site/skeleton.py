"""A new site's folder: commented files that are sound as they stand, for a country that `countries.toml` knows or none.

The files lie in `skeleton/`; what a country says of itself is filled in.
"""

from __future__ import annotations

from pathlib import Path
from string import Template

from orchestration.base.files import replace_text
from orchestration.base.refusal import Refusal
from orchestration.base.site_profile import Site
from orchestration.site.countries import countries
from orchestration.site.money import exponent

_FILES = Path(__file__).with_suffix("")
_UNITS = {0: "it has none smaller", 2: "a hundredth", 3: "a thousandth"}


class SkeletonError(Refusal):
    """A new site's folder cannot be written; the message says why."""


def write_skeleton(folder: Path, country: str) -> list[Path]:
    """Write the files of a new site into a folder that is empty or is not there; return them.

    Raises:
        SkeletonError: the folder holds something, or nothing is known of the country.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SkeletonError(f"{folder} is not an empty folder; nothing in it was touched.")
    if country not in countries():
        raise SkeletonError(
            f"Of {country!r} nothing is known; there are {', '.join(countries())}. Take the one that writes its "
            "numbers most like yours, and mend country, currency, time_zone and [numbers] in site.toml."
        )
    said = countries()[country]
    site = Site(country=country, currency=said.currency, time_zone=said.time_zone, numbers=said.numbers)
    values = said.numbers.model_dump() | {
        "country": country,
        "currency": said.currency,
        "time_zone": said.time_zone,
        "unit": _UNITS[exponent(site)],
    }
    written = []
    for path in sorted(path for path in _FILES.rglob("*") if path.is_file()):
        target = folder / path.relative_to(_FILES)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text("utf-8")
        replace_text(target, Template(text).substitute(values) if path.suffix == ".toml" else text)
        written.append(target)
    return written
