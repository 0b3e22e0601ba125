"""A signed statement is confirmed where it is true, and says where it is not after any single change."""

from __future__ import annotations

import copy
import json
import random
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings
from orchestration.cli import app
from orchestration.evidence.figure import FigureError
from orchestration.evidence.signing import SigningKey, SigningKeyError
from orchestration.evidence.statement import as_text, attest, leaves, sign
from orchestration.evidence.verification import Finding, verify_alone, verify_here
from orchestration.ingest.ingest import ingest
from orchestration.reporting.statement_page import read_statement, statement_page
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph
from tests.support.world import FIRST, KEY, LAST, World

FIGURE = "churn.incident_headline.port_outs_day where incident_id = 'KT_WAIVER_2026' and as_of_date = '2026-01-01'"


@pytest.fixture(scope="module")
def graph(published_world: World) -> Graph:
    return Graph(dbt.manifest(published_world.settings))


@pytest.fixture(scope="module")
def signer(published_world: World, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The shared world, with a key of its own."""
    key = tmp_path_factory.mktemp("key") / "statement.key"
    return published_world.settings.model_copy(update={"statement_key_file": key})


@pytest.fixture(scope="module")
def statement(published_world: World, graph: Graph, signer: Settings) -> dict[str, Any]:
    return attest(signer, graph, published_world.feeds, [FIGURE], "asked by a court")


def _refuted(findings: list[Finding]) -> dict[str, str]:
    return {one.subject: one.detail for one in findings if one.is_confirmed is False}


def test_a_statement_is_confirmed_where_it_was_made(
    published_world: World, graph: Graph, signer: Settings, statement: dict[str, Any]
) -> None:
    alone, stated = verify_alone(as_text(statement), statement["public_key"])
    assert stated is not None
    here = list(verify_here(signer, graph, published_world.feeds, stated))
    assert [one.is_confirmed for one in [*alone, *here]] == [True] * 10
    assert " of " not in here[-1].detail.partition("stated")[0]
    assert here[-1].detail.startswith("made again from raw")


@pytest.mark.parametrize(
    ("figure", "reason", "said"),
    [(FIGURE, " ", "A reason is needed"), ("churn.nothing.n", "for the court", "nothing")],
    ids=["without-a-reason", "of-what-is-no-figure"],
)
def test_what_cannot_be_stated_makes_no_key(
    published_world: World, graph: Graph, tmp_path: Path, figure: str, reason: str, said: str
) -> None:
    key = tmp_path / "statement.key"
    settings = published_world.settings.model_copy(update={"statement_key_file": key})
    with pytest.raises(Refusal, match=said):
        attest(settings, graph, published_world.feeds, [figure], reason)
    assert not key.exists()


def test_any_single_change_is_found_and_named(statement: dict[str, Any]) -> None:
    chance = random.Random(20260103)
    for path, value in chance.sample(list(leaves(statement["stated"])), 60):
        changed = copy.deepcopy(statement)
        *branch, last = path.removeprefix("/").split("/")
        place: Any = changed["stated"]
        for name in branch:
            place = place[int(name) if isinstance(place, list) else name]
        place[int(last) if isinstance(place, list) else last] = f"{value}x"
        findings, _ = verify_alone(as_text(changed))
        assert path in _refuted(findings).get("content", "") or path == "/form", path


@pytest.mark.parametrize("part", ["digests", "public_key", "signature"])
def test_what_signs_cannot_be_changed_either(statement: dict[str, Any], part: str) -> None:
    changed = copy.deepcopy(statement)
    if part == "digests":
        changed["digests"]["/reason"] = "0" * 64
    else:
        changed[part] = ("B" if changed[part][0] == "A" else "A") + changed[part][1:]
    assert "signature" in _refuted(verify_alone(as_text(changed))[0])


def test_any_byte_of_the_file_counts(statement: dict[str, Any]) -> None:
    text, chance = as_text(statement), random.Random(24)
    for _ in range(60):
        place = chance.randrange(len(text))
        changed = text[:place] + chr((ord(text[place]) + 1) % 128) + text[place + 1 :]
        assert _refuted(verify_alone(changed)[0]), place
    assert "line" in _refuted(verify_alone(text.replace(": ", ":  ", 1))[0])["form"]


def test_a_statement_of_another_key_is_told_apart(statement: dict[str, Any], tmp_path: Path) -> None:
    other = SigningKey.of(Settings(home=tmp_path, pseudonym_key=KEY))
    forged = sign(other, statement["stated"] | {"reason": "forged"})
    assert not _refuted(verify_alone(as_text(forged))[0])
    assert "signed by another key" in _refuted(verify_alone(as_text(forged), statement["public_key"])[0])["signature"]


def test_without_raw_it_says_what_cannot_be_told(
    published_world: World, graph: Graph, statement: dict[str, Any], tmp_path: Path
) -> None:
    elsewhere = Settings(home=tmp_path, pseudonym_key=KEY)
    found = {
        one.subject: one.is_confirmed
        for one in verify_here(elsewhere, graph, published_world.feeds, statement["stated"])
    }
    assert (found["generation"], found["receipts"], found["raw files"], found["models"]) == (None, None, None, True)
    assert found[f"value of {FIGURE}"] is None


@pytest.fixture
def sent(published_world: World, statement: dict[str, Any], tmp_path: Path) -> Settings:
    """Another machine, with raw of the deliveries that are stated, and without a key."""
    there = published_world.settings.raw_dir / "portability_events"
    elsewhere = Settings(home=tmp_path / "home", landing=tmp_path / "landing")
    for one in statement["stated"]["deliveries"]:
        folder = f"dt={one['dt']}/rev={one['rev']}"
        shutil.copytree(there / folder, elsewhere.raw_dir / "portability_events" / folder)
    return elsewhere


def _changed(value: Any) -> Any:
    """The same kind of thing, but another."""
    if isinstance(value, dict):
        return value | {"BAD_NUMBER": value.get("BAD_NUMBER", 0) + 1}
    if isinstance(value, int):
        return value + 1
    return f"2019{value[4:]}" if value[4] == "-" else f"{value[1:]}0"


def test_any_single_change_to_raw_or_to_a_receipt_is_found_and_named(
    published_world: World, graph: Graph, statement: dict[str, Any], sent: Settings
) -> None:
    chance = random.Random(20260101)
    stated = statement["stated"] | {"figures": []}  # none is made again
    of_files = ["sha256", "bytes", "accepted", "quarantined", "duplicate"]
    for name in ["fingerprint of the delivery", "delivered_at", "reasons", *of_files, "raw", "raw", "raw"]:
        one = chance.choice([entry for entry in stated["deliveries"] if entry["raw"]])
        folder = sent.raw_dir / f"portability_events/dt={one['dt']}/rev={one['rev']}"
        file = chance.choice([*folder.glob("*.parquet")]) if name == "raw" else folder / "receipt.json"
        before = file.read_bytes()
        if name == "raw":
            content = bytearray(before)
            content[chance.randrange(len(content))] ^= 1
            file.write_bytes(content)
        else:
            receipt = json.loads(before)
            place = receipt["files"][0] if name in of_files else receipt
            key = "sha256" if name == "fingerprint of the delivery" else name
            place[key] = _changed(place[key])
            file.write_text(json.dumps(receipt), "utf-8")
        refuted = _refuted(list(verify_here(sent, graph, published_world.feeds, stated)))
        file.write_bytes(before)
        subject = "raw files" if name == "raw" else "receipts"
        assert refuted == {subject: f"not what was stated: portability_events {one['dt']} rev {one['rev']}"}, name


def test_some_of_the_deliveries_give_the_value_but_do_not_confirm_it(
    published_world: World, graph: Graph, statement: dict[str, Any], sent: Settings
) -> None:
    stated = statement["stated"]
    found = {one.subject: one for one in verify_here(sent, graph, published_world.feeds, stated)}
    value = found[f"value of {FIGURE}"]
    whole = stated["feeds"]["portability_events"]["revisions"]
    assert value.is_confirmed is None
    assert f"made again from raw ({len(stated['deliveries'])} of {whole} deliveries of" in value.detail
    assert value.detail.endswith(f": {stated['figures'][0]['value']}, stated {stated['figures'][0]['value']}")


def test_whoever_takes_the_same_extracts_in_under_a_key_of_his_own_confirms_the_value(
    published_world: World, graph: Graph, statement: dict[str, Any], tmp_path: Path
) -> None:
    stated, feeds = statement["stated"], published_world.feeds
    auditor = Settings(
        home=tmp_path,
        landing=published_world.settings.landing_dir,
        pseudonym_key="the auditor's own key, not the carrier's",
    )
    for name in stated["feeds"]:
        ingest(auditor, feeds[name], [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)])
    found = {one.subject: one for one in verify_here(auditor, graph, feeds, stated)}
    assert not _refuted(list(found.values()))
    assert found["receipts"].is_confirmed
    assert found["extracts in landing"].is_confirmed
    assert (found["raw files"].is_confirmed, found[f"value of {FIGURE}"].is_confirmed) == (None, True)


def test_a_changed_model_or_value_counts(
    published_world: World, graph: Graph, signer: Settings, statement: dict[str, Any]
) -> None:
    manifest = copy.deepcopy(dict(graph.manifest))
    manifest["nodes"]["model.ringfence.provider_daily"]["checksum"]["checksum"] = "0" * 64
    stated = copy.deepcopy(statement["stated"])
    stated["figures"][0]["value"] += 1
    refuted = _refuted(list(verify_here(signer, Graph(manifest), published_world.feeds, stated)))
    assert refuted.keys() == {"models", f"value of {FIGURE}"}
    assert "provider_daily" in refuted["models"]


def test_the_page_shows_what_it_holds(signer: Settings, statement: dict[str, Any], tmp_path: Path) -> None:
    page = tmp_path / "statement.html"
    page.write_text(statement_page(signer, statement), "utf-8")
    text, found = read_statement(signer, page)
    assert text == as_text(statement)
    assert not _refuted(found)
    page.write_text(page.read_text("utf-8").replace("asked by a court", "asked by nobody", 1), "utf-8")
    assert "line" in _refuted(read_statement(signer, page)[1])["page"]


def test_nothing_of_a_person_is_stated(published_world: World, graph: Graph, signer: Settings) -> None:
    for figure in ("churn.fct_port.monthly_fee where true", "fraud.fct_payment.amount where payment_id = '1'"):
        with pytest.raises(FigureError, match="single lines or persons"):
            attest(signer, graph, published_world.feeds, [figure], "asked")
    statement = attest(signer, graph, published_world.feeds, [FIGURE], "asked by 010-1234-5678")
    assert statement["stated"]["reason"] == "asked by ###-####-####"


def test_a_key_that_others_can_read_signs_nothing(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, pseudonym_key=KEY)
    SigningKey.of(settings)
    settings.statement_key.chmod(0o644)
    with pytest.raises(SigningKeyError, match="chmod 600"):
        SigningKey.of(settings)


def test_commands_write_and_verify(
    signer: Settings, published_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published_world.as_environment(monkeypatch)
    monkeypatch.setenv("RINGFENCE_STATEMENT_KEY_FILE", str(signer.statement_key))
    file = tmp_path / "statement.json"
    made = CliRunner().invoke(app, ["attest", FIGURE, "--reason", "asked", "--out", str(file)])
    assert made.exit_code == 0, made.output
    assert CliRunner().invoke(app, ["verify", str(file), "--alone"]).exit_code == 0
    file.write_text(file.read_text("utf-8").replace('"asked"', '"told"'), "utf-8")
    refuted = CliRunner().invoke(app, ["verify", str(file)])
    assert refuted.exit_code == 1
    assert "/reason" in refuted.output


def test_on_a_machine_with_nothing_else_a_statement_speaks_for_itself(
    statement: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "statement.json"
    file.write_text(as_text(statement), "utf-8")
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(app, ["verify", "statement.json", "--key", statement["public_key"]])
    assert told.exit_code == 0, told.output
    assert [line.split()[0] for line in told.output.splitlines()] == ["confirmed", "confirmed", "confirmed", "not"]
    assert "nothing of them is in" in told.output
    assert [path.name for path in tmp_path.iterdir()] == ["statement.json"]
