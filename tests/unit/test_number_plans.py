"""Numbers of eleven countries are read as Google's library reads them, and are masked in every spelling."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from functools import cache

import duckdb
import phonenumbers
import pytest
from phonenumbers import PhoneNumber, PhoneNumberFormat

from orchestration.base.site_profile import NumberPlan
from orchestration.privacy import numbers
from orchestration.privacy.masking import mask_number_sql
from orchestration.site.countries import countries

COUNT = 200
#: Mobile numbers of the library that no plan of ours is for: machines', and forms that were given up.
_NOT_MEANT = {"KR": "12.*", "BR": "[0-9]{10}", "ZA": "[0-9]{5,8}|1.*"}
#: Where the country is dialled from, and how that is written.
_DIALLED = {"KR": "001 ", "BR": "0015 ", "JP": "010-", "US": "011 ", "NG": "009 ", "KE": "000 "}


@cache
def _nationals(country: str) -> tuple[str, ...]:
    """National numbers of mobiles, drawn from the library's own plan."""
    rng = random.Random(country)
    plan = phonenumbers.PhoneMetadata.metadata_for_region(country)
    lengths = plan.mobile.possible_length or plan.general_desc.possible_length
    pattern = re.compile(plan.mobile.national_number_pattern)
    found: list[str] = []
    while len(found) < COUNT:
        drawn = "".join(rng.choices("0123456789", k=rng.choice(lengths)))
        if pattern.fullmatch(drawn) and not re.fullmatch(_NOT_MEANT.get(country, "x"), drawn):
            found.append(drawn)
    return tuple(found)


def _spellings(country: str, national: str) -> list[str]:
    number = phonenumbers.parse(national, country)
    code = countries()[country].numbers.calling_code
    told = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    dialled = f"{_DIALLED.get(country, '00')}{code} {national}"
    return [
        phonenumbers.format_number(number, PhoneNumberFormat.E164),
        phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL),
        told, told.replace(" ", "").replace("-", ""), told.replace(" ", "."), told.replace("-", "\u2011"),
        national, dialled, dialled.replace(" ", ""), f"+{code} (0){national}",
    ]  # fmt: skip


def _read_by_library(country: str, text: str) -> str | None:
    """E.164 of the number that the library reads, if it is one of the country's."""
    text = text.replace("(0)", "")  # which the library passes over where the trunk prefix is 0, and else not
    number: PhoneNumber = phonenumbers.parse(text, country)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if phonenumbers.is_valid_number(number) else None


def _asked(plan: NumberPlan, texts: Mapping[str, str | None]) -> list[tuple[str, str | None, str, bool]]:
    with duckdb.connect() as con:
        numbers.install(con, plan)
        con.execute("create table said as select unnest($1) as x", [list(texts)])
        return con.execute(
            f"select x, {numbers.e164_sql('x', plan)}, {mask_number_sql('x')}, {numbers.spells_number_sql('x', plan)} "
            "from said"
        ).fetchall()


@pytest.mark.parametrize("country", sorted(countries()))
def test_a_countrys_numbers_are_read_as_the_library_reads_them_however_they_are_spelled(country: str) -> None:
    plan = countries()[country].numbers
    spelled = {
        text: _read_by_library(country, text)
        for national in _nationals(country)
        for text in _spellings(country, national)
        if "(0)" not in text or plan.trunk_prefix == "0"
    }
    assert len(spelled) > 5 * COUNT
    wrong = [(text, ours, spelled[text]) for text, ours, _, _ in _asked(plan, spelled) if ours != spelled[text]]
    assert not wrong


@pytest.mark.parametrize("country", sorted(countries()))
def test_no_digit_of_a_countrys_number_is_shown_and_none_is_accepted_in_a_text(country: str) -> None:
    plan = countries()[country].numbers
    told = {f"call {text} now": None for one in _nationals(country)[:40] for text in _spellings(country, one)}
    for text, _, shown, is_noticed in _asked(plan, told):
        assert not any(letter.isdigit() for letter in shown), text
        assert is_noticed, text


@pytest.mark.parametrize("country", sorted(countries()))
def test_what_is_too_short_or_too_long_for_a_country_is_no_number_of_it(country: str) -> None:
    plan = countries()[country].numbers
    longest = {one for one in _nationals(country) if len(one) == max(map(len, _nationals(country)))}
    shortest = {one for one in _nationals(country) if len(one) == min(map(len, _nationals(country)))}
    told = {f"+{plan.calling_code}{one}0": None for one in longest} | {
        f"+{plan.calling_code}{one[:-1]}": None for one in shortest
    }
    assert {ours for _, ours, _, _ in _asked(plan, told)} == {None}


def test_a_plan_of_several_shapes_stands_together_wherever_it_is_embedded() -> None:
    plan = NumberPlan(
        calling_code="44", trunk_prefix="0", international_prefix="00", national_pattern="7[0-9]{9}|20[0-9]{8}"
    )
    told = ["020 7946 0018", "0044 7700 900123", "+44 (0)7700 900123", "x20 79460018y"]
    found = {text: (ours, shown) for text, ours, shown, _ in _asked(plan, dict.fromkeys(told))}
    assert [found[text][0] for text in told] == ["+442079460018", "+447700900123", "+447700900123", None]
    assert not any(letter.isdigit() for _, shown in found.values() for letter in shown)
