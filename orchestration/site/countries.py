"""Countries by their code of ISO 3166, as `countries.toml` has them: currency, time zone and number plan."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import BaseModel

from orchestration.base.site_profile import NumberPlan


class Country(BaseModel, frozen=True):
    """What a site of the country begins with."""

    currency: str
    time_zone: str
    numbers: NumberPlan


@cache
def countries() -> Mapping[str, Country]:
    """The countries by code."""
    text = Path(__file__).with_suffix(".toml").read_text("utf-8")
    return {code: Country.model_validate(said) for code, said in tomllib.loads(text).items()}
