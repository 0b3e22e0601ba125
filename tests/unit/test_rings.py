"""Rings: which payments a chain of lines and places joins, held against a graph that is closed by hand."""

from __future__ import annotations

import random

import pandas as pd

from tests.support.python_model import python_model

MODEL = python_model("int_ring_member")


def _links(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["kind", "place", "party_key", "payment_id"])


def _rings(links: pd.DataFrame) -> dict[str, set[str]]:
    members = MODEL.ring_members(links)
    assert not members["payment_id"].duplicated().any()
    return {str(ring): set(rows["payment_id"]) for ring, rows in members.groupby("ring_id")}


def test_a_chain_of_places_and_lines_is_one_ring_named_after_its_first_payment() -> None:
    links = _links(
        ("CELL", "X", "A", "P2"), ("CELL", "X", "B", "P3"), ("MERCHANT", "X", "B", "P1"), ("MERCHANT", "X", "C", "P4"),
        ("MERCHANT", "Y", "D", "P5"), ("MERCHANT", "Y", "E", "P6"),
    )  # fmt: skip
    assert _rings(links) == {"ring-P1": {"P1", "P2", "P3", "P4"}, "ring-P5": {"P5", "P6"}}


def test_a_cell_and_a_merchant_of_one_name_are_two_places() -> None:
    assert len(_rings(_links(("CELL", "X", "A", "P1"), ("MERCHANT", "X", "B", "P2")))) == 2


def test_no_links_are_no_rings() -> None:
    assert _rings(_links()) == {}


def test_any_links_are_joined_as_growing_sets_join_them() -> None:
    rng = random.Random(20)
    payments = [(f"L{rng.randrange(40)}", f"P{number}") for number in range(60)]
    rows = [("CELL", f"C{rng.randrange(40)}", *rng.choice(payments)) for _ in range(70)]
    sets: list[set[tuple[str, str]]] = []
    for kind, place, party, payment in rows:
        grown = {(kind, place), ("line", party), ("payment", payment)}
        touched = [known for known in sets if known & grown]
        sets = [known for known in sets if not known & grown] + [grown.union(*touched)]
    wanted = [{name for kind, name in known if kind == "payment"} for known in sets]
    assert sorted(map(sorted, _rings(_links(*rows)).values())) == sorted(map(sorted, wanted))
