"""Whatever could be a number of the site is a pseudonym or masked, in every spelling, and an erasure finds it."""

from __future__ import annotations

import csv
import io
import tempfile
import unicodedata
from pathlib import Path
from unittest.mock import patch

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orchestration.base.settings import Settings
from orchestration.base.site_profile import NumberPlan
from orchestration.privacy import numbers
from orchestration.privacy.masking import mask_callable, mask_digits_sql, mask_number_sql
from orchestration.privacy.spelling import numerals, plain, plain_sql, variants
from orchestration.rights.erasure import forget
from tests.support.small_site import COLUMNS, SmallSite, is_conserved

KR = Settings().site_profile.numbers
US = NumberPlan(
    calling_code="1", trunk_prefix="", international_prefix="011", national_pattern="[2-9][0-9]{2}[2-9][0-9]{6}"
)

#: Spellings of 010-5550-0001 that say nothing else.
CLEAR = [
    "+82 (0)10-5550-0001", "+82(010)5550-0001", "+8201055500001", "0082-10-5550-0001", "001-82-10-5550-0001",
    "00700821055500001", "1055500001", "821055500001", "'01055500001", '="01055500001"', "010–5550–0001",
    "010‑5550‑0001", "010\u00a05550\u00a00001", "\u202a010-5550-0001\u202c", "010-5550-0001\u200b",
    "０１０－５５５０－０００１", "０１０-5550-0001", "010 5550 0001\t", "+82-10-5550-0001", "010.5550.0001",
    "010·5550·0001", "010/5550/0001", "٠١٠-٥٥٥٠-٠٠٠١", "①⓪⑤⑤⑤⓪⓪⓪⓪①", "0\ufe0f\u20e310-5550-0001",
]  # fmt: skip
#: What is written with that number in it, and might mean another one, or something else.
UNCLEAR = [
    "8.21055500001E+11", "010-5550-0001 ext. 12", "010.5550.0001#12", "tel:+82-10-5550-0001", "010-5550-0001;npdi",
    "1055500001.0", "*23#01055500001", "010,5550,0001", "010-5550-00011", "010-5550-0001/010-5550-0002", "0⑩-5550-0001",
]  # fmt: skip
#: Text in which it stands, as people write.
TOLD = [
    "call 010-5550-0001 now", "010-5550-0001로 전화", "번호:01055500001", "82 10 5550 0001", "010~5550~0001",
    "010:5550:0001", "010*5550*0001", "010\u200b5550\u200b0001", "2026-01-03 010-5550-0001",
    "010\\u20115550\\u20110001",
]  # fmt: skip


def _squeezed(text: str) -> str:
    """Letters and digits of a text, by Unicode's own tables and nothing of the product."""
    digits = (str(unicodedata.digit(one, one)) for one in text)
    return "".join(one for one in unicodedata.normalize("NFKC", "".join(digits)) if one.isalnum())


def _ask(query: str, plan: NumberPlan, text: str) -> object:
    with duckdb.connect() as con:
        numbers.install(con, plan)
        return con.execute(f"select {query} from (select $1::varchar as x)", [text]).fetchall()[0][0]


@pytest.mark.parametrize("text", CLEAR)
def test_a_number_that_can_only_be_one_is_normalised_however_it_is_spelled(text: str) -> None:
    assert _ask(numbers.e164_sql("x", KR), KR, text) == "+821055500001"


@pytest.mark.parametrize("text", UNCLEAR)
def test_what_may_be_another_number_is_not_guessed(text: str) -> None:
    assert _ask(numbers.e164_sql("x", KR), KR, text) is None


@pytest.mark.parametrize("text", [*CLEAR, *UNCLEAR, *TOLD])
def test_no_digit_of_a_number_is_left_where_a_text_is_shown(text: str) -> None:
    shown = str(_ask(mask_number_sql("x"), KR, text))
    assert not any(one.isdigit() for one in shown.replace("\\u", ""))


@pytest.mark.parametrize(
    "text", [text for text in (*CLEAR, *UNCLEAR, *TOLD) if "\\u" not in text and "007" not in text]
)
def test_what_could_be_called_is_masked_where_nobody_knows_the_site(text: str) -> None:
    assert "5550" not in _squeezed(mask_callable(text))


@pytest.mark.parametrize("text", [*CLEAR, *TOLD])
def test_a_number_in_a_text_that_is_accepted_is_noticed(text: str) -> None:
    assert _ask(numbers.spells_number_sql("x", KR), KR, text) is True


@pytest.mark.parametrize(
    "text",
    ["2026-01-03 10:16:50", "20260103101650", "03/01/2026 10:16:50", "P-2026-01-03-000123", "2026-01-03T10:16:50.5Z",
     "00101234-5678-9abc-def0-010123456789", "P0101234567", "33㎡", "20260103101650001"],
)  # fmt: skip
def test_dates_keys_and_measures_are_no_numbers(text: str) -> None:
    assert _ask(numbers.spells_number_sql("x", KR), KR, text) is False


@pytest.mark.parametrize(
    "text", ["2026-01-03 10:16:50", "2026-01-03 05:04:05+09", "03/01/2026 10:16", "20260103101650"]
)
def test_an_instant_on_a_site_whose_numbers_have_no_prefix_is_shown(text: str) -> None:
    assert _ask(mask_number_sql("x"), US, text) == text
    assert _ask(mask_number_sql("x"), US, f"{text}, (202) 555-0123") != f"{text}, (202) 555-0123"


@pytest.mark.timeout(60)  # by the square of the length it would be hours
def test_a_cell_of_a_million_signs_is_judged_in_one_pass() -> None:
    assert numbers.e164("010-" + "7" * 1_000_000, KR) is None
    for note in ("가" * 1_000_000, "고객 요청 " * 200_000):
        assert numbers.spells_number(f"{note} 010-5550-0001", KR)
        assert numbers.could_hold_number(f"{note} 010-5550-0001", KR)


def test_duckdb_and_python_read_the_same_digits() -> None:
    for digit, others in variants().items():
        assert _ask(plain_sql("x"), KR, others) == plain(others) == digit * len(others)
    assert _ask(mask_digits_sql("x"), KR, numerals()) == "#" * len(numerals())


def test_a_number_in_an_accepted_text_is_masked_and_counted_and_one_in_a_key_or_an_amount_is_not_accepted(
    tmp_path: Path,
) -> None:
    site = SmallSite(tmp_path)
    site.drop(_file([
        ["C1", "010-1234-0001", "1", "Y", "call ０１０－5550－0001", "2026-01-03", "2026-01-03 09:00:00"],
        ["C2", "010-1234-0002", "1", "Y", "no. 12345678", "2026-01-03", "2026-01-03 09:00:00"],
        ["010-5550-0001", "010-1234-0003", "1", "Y", "ok", "2026-01-03", "2026-01-03 09:00:00"],
        ["C4", "010-1234-0004", "01055500001", "Y", "ok", "2026-01-03", "2026-01-03 09:00:00"],
    ]))  # fmt: skip
    receipt = site.ingest()
    assert [note for (note,) in site.rows(receipt, "note")] == ["call ###－####－####", "no. 12345678"]
    assert receipt.hidden == {"note": 1}
    assert receipt.reasons == {"HOLDS_NUMBER:charge_id": 1, "HOLDS_NUMBER:amount": 1}


def test_a_contract_can_say_that_a_column_only_resembles_numbers(tmp_path: Path) -> None:
    columns = [column | ({"resemblesNumbers": True} if column["name"] == "note" else {}) for column in COLUMNS]
    site = SmallSite(tmp_path, columns=columns)
    site.drop(_file([["C1", "010-1234-0001", "1", "Y", "0101234567", "2026-01-03", "2026-01-03 09:00:00"]]))
    assert site.rows(site.ingest(), "note") == [("0101234567",)]


# ---------------------------------------------------------------- whatever the spelling
_SCRIPTS = [
    one for one in map(chr, range(0x20000)) if unicodedata.category(one) == "Nd" and unicodedata.digit(one) == 0
]
_BETWEEN = st.characters(
    categories=["Pd", "Po", "Ps", "Pe", "Pc", "Sk", "Sm", "So", "Zs", "Cf"], exclude_characters="\x00"
)
_PREFIXES = ["0", "+82", "82", "0082", "001-82-", "+82 (0)", "(0)", "+82-0"]
_GROUPS = [(2, 4, 4), (2, 8), (10,), (6, 4), (1,) * 10]


@st.composite
def _spelled(draw: st.DrawFn, national: str) -> str:
    """A number of the site as somebody may write it."""
    between = draw(st.one_of(st.sampled_from(["-", " ", ".", "·", "\u2011", " - ", ""]), st.text(_BETWEEN, max_size=3)))
    parts, rest = [], national
    for size in draw(st.sampled_from(_GROUPS)):
        parts.append(rest[:size])
        rest = rest[size:]
    text = draw(st.sampled_from(_PREFIXES)) + between.join(parts)
    zero = draw(st.sampled_from(["0", "0", "０", *_SCRIPTS]))
    return "".join(chr(ord(zero) + int(one)) if one.isascii() and one.isdigit() else one for one in text)


def _file(rows: list[list[str]]) -> str:
    told = io.StringIO()
    csv.writer(told, lineterminator="\n").writerows([[column["name"] for column in COLUMNS], *rows])
    return told.getvalue()


@st.composite
def _deliveries(draw: st.DrawFn) -> tuple[list[str], str]:
    """Numbers, and a file that has them in every column and in lines that are not rows."""
    found = draw(
        st.lists(st.integers(10_000_000, 99_999_999).map(lambda n: f"10{n}"), min_size=6, max_size=9, unique=True)
    )
    rows = []
    for at, national in enumerate(found):
        row = [f"K{at}", "010-1234-0000", "1", "Y", "ok", "2026-01-03", "2026-01-03 09:00:00"]
        row[at % 7] = draw(_spelled(national))
        if at >= len(row):  # a line that is not a row
            row = [draw(_spelled(national)), "x"]
        rows.append(row)
    good = [[f"C{n}", f"010-1234-{n:04}", "1", "Y", "ok", "2026-01-03", "2026-01-03 09:00:00"] for n in range(30)]
    return found, _file(rows + good)


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)
@given(_deliveries())
def test_a_number_is_nowhere_in_clear_and_an_erasure_leaves_nothing_unsaid(delivery: tuple[list[str], str]) -> None:
    found, content = delivery
    with tempfile.TemporaryDirectory() as root, patch("os.fsync"):
        site = SmallSite(Path(root))
        landed = site.drop(content)
        receipt = site.ingest()
        assert receipt.refusal is None
        assert is_conserved(receipt)
        shown = "".join(f"{row.masked_row}{row.reasons}" for row in site.bad_rows())
        kept = " ".join(str(value) for row in site.rows(receipt, "* exclude (number_key)") for value in row)
        written = _squeezed(
            shown + kept + receipt.model_dump_json(exclude={"files", "sha256", "fingerprint", "contract"})
        )
        assert not [national for national in found if national in written]
        attestation = forget(site.settings, "asked", numbers=[f"0{found[0]}"])
        assert not landed.exists()
        assert attestation.left == {}
        assert not site.bad_rows()
