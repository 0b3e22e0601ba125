"""What a site says of itself in `site.toml`, laid over what the site that it is based on says."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo

from babel.numbers import list_currencies
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from orchestration.base.files import NotTextError, read_text

#: The shipped sites, and the one that an installation is, or is based on, if it says nothing else.
SITES = Path(__file__).resolve().parents[1] / "sites"
DEFAULT_SITE = "korea"
#: Whose numbers the marts show.
VIEW = r"^(market|operator:\w+)$"


def existing_zone(name: str) -> str:
    """The name of a time zone, if there is one of that name."""
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}; one is Europe/Paris") from None


def read_profile(site: Path | None) -> Site:
    """The profile of a site folder: the one of the site that it is based on, overridden key by key.

    Raises:
        ValueError: what is wrong, with the file and the place in it.
    """
    own = site / "site.toml" if site else None
    try:
        said = tomllib.loads(read_text(own)) if own and own.exists() else {}
        base = said.setdefault("based_on", DEFAULT_SITE)
        shipped = SITES / str(base) / "site.toml"
        profile = tomllib.loads(shipped.read_text("utf-8")) if base and shipped.exists() else {}
        if isinstance(numbers := said.get("numbers"), dict):
            said["numbers"] = profile.get("numbers", {}) | numbers
        return Site.model_validate(profile | said)
    except (tomllib.TOMLDecodeError, NotTextError) as error:
        raise ValueError(f"{own}: {error}") from None
    except ValidationError as error:
        place, wrong = mistakes(error)[0]
        raise ValueError(f"{own}: {place}: {wrong}") from None


class NumberPlan(BaseModel, extra="forbid"):
    """How a subscriber number of the site's country is written, and becomes E.164."""

    calling_code: str = Field(pattern=r"^[0-9]{1,3}$")
    trunk_prefix: str = Field(pattern=r"^[0-9]*$")
    international_prefix: str
    national_pattern: str

    @field_validator("national_pattern", "international_prefix")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        if re.compile(pattern).groups:
            raise ValueError("write groups as (?:…): the pattern is embedded in a larger one")
        outermost = re.sub(r"\\.|\[[^\]]*\]", "", pattern)
        while (inner := re.sub(r"\([^()]*\)", "", outermost)) != outermost:
            outermost = inner
        return f"(?:{pattern})" if "|" in outermost else pattern  # alternatives stand together in the larger one


class Source(BaseModel, extra="forbid"):
    """Where a feed's extracts come from: files at a `url` of a day `dt`, or a `query` with the parameter `:dt`.

    `secrets` are options of the store, each with the environment variable that holds it; `database` is the variable
    that holds the address.
    """

    url: str | None = None
    secrets: dict[str, str] = {}
    known_hosts: Path | None = None
    query: str | None = None
    database: str | None = None

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        if bool(self.url) == bool(self.query) or bool(self.query) != bool(self.database):
            raise ValueError(
                'a source has a url, such as "s3://exports/ports/{dt:%Y%m%d}/*.csv", or query and database'
            )
        if self.query and ":dt" not in self.query:
            raise ValueError("query: asks for no day; the extract date is :dt")
        return self

    @field_validator("url")
    @classmethod
    def _names_a_day(cls, url: str | None) -> str | None:
        if url is None:
            return url
        days = [date(2026, 1, 2), date(2026, 1, 3), date(2026, 2, 2), date(2027, 1, 2)]
        try:
            shown = {url.format(dt=day) for day in days}
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(f"{error} is not what a day is written by; write {{dt:%Y-%m-%d}}") from None
        if len(shown) < len(days):
            raise ValueError("does not tell days apart; write {dt:%Y-%m-%d} where the day stands")
        if not re.match(r"[a-z0-9]+://", url):
            raise ValueError("begins with no protocol: s3://, gs://, az://, sftp://, file://")
        if re.match(r"[a-z0-9]+://[^/@]*:[^/@]*@", url):
            raise ValueError('holds a password; name its variable: secrets = { password = "CLEARING_PASSWORD" }')
        return url


class Site(BaseModel, extra="forbid"):
    """What a carrier says of itself in `site.toml`; `based_on` is empty for one that stands alone."""

    based_on: str = ""
    country: str
    view: str = Field(default="market", pattern=VIEW)
    alert_by: Literal["rules", "score", "either"] = "rules"
    currency: str
    currency_decimals: int | None = Field(default=None, ge=0, le=4)
    time_zone: str
    absent: frozenset[str] = frozenset()
    landing: dict[str, Source] = {}
    numbers: NumberPlan

    @field_validator("based_on")
    @classmethod
    def _is_shipped(cls, name: str) -> str:
        shipped = sorted(folder.name for folder in SITES.iterdir() if folder.is_dir())
        if name and name not in shipped:
            raise ValueError(f'there is no site {name!r}; there are {", ".join(shipped)}, or "" to stand alone')
        return name

    @field_validator("currency")
    @classmethod
    def _is_currency(cls, code: str) -> str:
        if code not in list_currencies():
            raise ValueError(f"there is no currency {code!r}; ISO 4217 has its code, such as EUR")
        return code

    @field_validator("time_zone")
    @classmethod
    def _exists(cls, name: str) -> str:
        return existing_zone(name)


def mistakes(error: ValidationError) -> list[tuple[str, str]]:
    """What is wrong with settings, in plain words, each with its place: `numbers.calling_code`, empty for them all."""
    return [
        (".".join(map(str, problem["loc"])), problem["msg"].removeprefix("Value error, "))
        for problem in error.errors(include_input=False)
    ]
