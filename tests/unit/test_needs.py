"""A site's version of a shipped feed is held against the models before a run: what they would miss is named."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from orchestration import runner
from orchestration.base.settings import PACKAGE, PROJECT, Settings
from orchestration.cli import app
from orchestration.contracts import load_feed, load_feeds
from orchestration.warehouse.needs import NeedsError, check_needs, models
from tests.support.brazil import BRAZIL
from tests.support.world import KEY


def _site(tmp_path: Path, feed: str, **changed: dict[str, Any] | None) -> Settings:
    """A site whose contract of a feed is the shipped one, with columns that say something else, or None: left out."""
    contract = yaml.safe_load((PACKAGE / "contracts" / f"{feed}.yaml").read_text("utf-8"))
    (schema,) = contract["schema"]
    schema["quality"] = []
    schema["properties"] = [
        prop | (changed.get(prop["name"]) or {})
        for prop in schema["properties"]
        if changed.get(prop["name"], {}) is not None
    ]
    path = tmp_path / "site" / "contracts" / f"{feed}.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(contract, allow_unicode=True), "utf-8")
    return Settings(home=tmp_path / "home", site=tmp_path / "site", pseudonym_key=KEY)  # type: ignore[arg-type]


def _refused(settings: Settings) -> list[str]:
    with pytest.raises(NeedsError) as refusal:
        check_needs(settings)
    return [line.removeprefix(f"{settings.site}/contracts/") for line in str(refusal.value).splitlines()]


def test_a_column_that_is_left_out_is_named_with_the_models_that_read_it(tmp_path: Path) -> None:
    (said,) = _refused(_site(tmp_path, "portability_events", line_type=None))
    assert said.startswith("portability_events.yaml: column line_type is left out, and ")
    assert "fct_port" in said or "int_port_latest" in said
    assert "{property: constant, value: HANDSET}" in said


def test_a_personal_column_that_is_left_out_is_named_as_raw_has_it_and_no_constant_is_proposed(tmp_path: Path) -> None:
    (said,) = _refused(_site(tmp_path, "payments", msisdn=None))
    assert "column msisdn (in raw number_key) is left out" in said
    assert "constant" not in said


def test_a_column_that_may_be_empty_is_named_with_what_must_not_be(tmp_path: Path) -> None:
    optional = {"required": False}
    said = _refused(_site(tmp_path, "portability_events", requested_at=optional, status_at=optional))
    assert [line.split(", and ")[0] for line in said] == [
        "portability_events.yaml: column requested_at may be empty",
        "portability_events.yaml: column status_at may be empty",
    ]
    assert "fct_port.requested_at" in said[0]
    assert "fct_port.status_at" in said[1]


def test_a_column_of_another_type_is_named_with_the_type_that_is_read(tmp_path: Path) -> None:
    (said,) = _refused(_site(tmp_path, "payments", monthly_limit={"logicalType": "number", "logicalTypeOptions": {}}))
    assert "column monthly_limit is DECIMAL(18,4), and " in said
    assert "as BIGINT; write the types of the shipped contract (physicalType: BIGINT)" in said


def test_a_column_that_models_can_do_without_may_be_left_out_and_is_empty(tmp_path: Path) -> None:
    settings = _site(tmp_path, "portability_events", reject_code=None)
    check_needs(settings)
    (column,) = [one for one in load_feeds(settings)["portability_events"].columns if one.name == "reject_code"]
    assert (column.required, column.headers) == (False, ())


def test_what_no_model_minds_is_not_spoken_of(tmp_path: Path) -> None:
    check_needs(_site(tmp_path, "cell_registry", region_code={"required": False}))
    check_needs(Settings(home=tmp_path, site=BRAZIL))
    check_needs(Settings(home=tmp_path))


def test_run_doctor_and_feeds_check_say_so_before_anything_is_done(tmp_path: Path) -> None:
    settings = _site(tmp_path, "portability_events", line_type=None)
    with pytest.raises(NeedsError, match="column line_type is left out"):
        runner.run(settings, load_feeds(settings), date(2026, 1, 3), date(2026, 1, 3), lambda *_: None)
    assert not settings.warehouse.exists()
    environment = {
        "RINGFENCE_HOME": str(settings.home), "RINGFENCE_SITE": str(settings.site), "RINGFENCE_PSEUDONYM_KEY": KEY
    }  # fmt: skip
    contract = str(settings.site / "contracts" / "portability_events.yaml")  # type: ignore[operator]
    for command in (["doctor"], ["feeds", "check", contract]):
        told = CliRunner(env=environment).invoke(app, command)
        assert told.exit_code == 1
        assert "column line_type is left out" in told.output.replace("\n", " ")


def test_all_models_are_followed() -> None:
    every = {path.stem for path in (PROJECT / "dbt_project" / "models").rglob("*.sql") if "pipeline" not in path.parts}
    assert every <= models().keys()


def test_contracts_of_the_default_site_have_every_column_of_the_shipped_ones() -> None:
    for path in (PACKAGE / "sites").glob("*/contracts/*.yaml"):
        shipped = load_feed(PACKAGE / "contracts" / path.name)
        assert {column.name for column in shipped.columns} <= {column.name for column in load_feed(path).columns}
