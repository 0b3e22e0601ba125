"""What is wrong with a set-up, before a night's run finds out."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestration.base.settings import Settings, check_variables, home_dir, origins
from orchestration.contracts import load_feeds
from orchestration.gates.suites import STAGES, load_suites
from orchestration.privacy.custody import check_key
from orchestration.site.check import check_site
from orchestration.site.engine_needs import check_engine

_LEAST_FREE_BYTES = 5 << 30


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `problem` is None if it is as it should be."""

    subject: str
    problem: str | None
    detail: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything that a run needs, cheapest first; nothing is changed but that missing folders are made."""
    for subject, look in (
        ("settings", _settings),
        ("data folder", _data_folder),
        ("free disk", _free_disk),
        ("pseudonym key", _key),
        ("landing", _landing),
        ("site", _site),
        ("contracts", _contracts),
        ("suites", _suites),
        ("dbt", _dbt),
        ("engine", check_engine),
        ("records", _records),
    ):
        yield look_at(subject, look, settings)


def look_at(subject: str, look: Callable[[Settings], str], settings: Settings) -> Finding:
    """Look at one thing; whatever is raised is its problem."""
    try:
        return Finding(subject, None, look(settings))
    except Exception as error:  # whatever is wrong here is the finding
        return Finding(subject, str(error))


def _settings(settings: Settings) -> str:
    """Where each setting has its value from; never the value, which may be a secret."""
    check_variables()
    made = sorted(origins().items())
    return ", ".join(f"{name} from {where}" for name, where in made) or "none is made: all are as shipped"


def _data_folder(settings: Settings) -> str:
    probe = home_dir(settings.home) / ".doctor"
    probe.write_text("", "utf-8")
    probe.unlink()
    return str(settings.home)


def _free_disk(settings: Settings) -> str:
    free = shutil.disk_usage(settings.home).free
    if free < _LEAST_FREE_BYTES:
        raise OSError(f"only {free / 1e9:.1f} GB are free under {settings.home}")
    return f"{free / 1e9:,.0f} GB"


def _key(settings: Settings) -> str:
    check_key(settings)
    path = settings.pseudonym_key_file
    if path and not settings.pseudonym_key and path.stat().st_mode & 0o077:
        raise PermissionError(f"{path} can be read by others: chmod 600 {path}")
    return "configured"


def _landing(settings: Settings) -> str:
    if not settings.landing_dir.is_dir():
        raise FileNotFoundError(f"{settings.landing_dir} does not exist: extracts are expected there")
    if settings.landing_dir.stat().st_mode & 0o007:
        raise PermissionError(f"{settings.landing_dir} can be read by others: chmod 700 {settings.landing_dir}")
    return str(settings.landing_dir)


def _site(settings: Settings) -> str:
    check_site(settings)
    return f"{settings.site or 'the shipped one'}, {settings.view}"


def _contracts(settings: Settings) -> str:
    return ", ".join(load_feeds(settings))


def _suites(settings: Settings) -> str:
    return f"{sum(len(load_suites(stage, site=settings.site)) for stage in STAGES)} relations guarded"


def _dbt(settings: Settings) -> str:
    path = Path(sys.executable).with_name("dbt")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: install requirements.lock into this environment")
    return str(path)


def _records(settings: Settings) -> str:
    """Where Dagster keeps its records, reached; an error of the driver names host and user, never the password."""
    if settings.environment.storage != "postgres":
        return f"SQLite in {settings.dagster_home}"
    from sqlalchemy import create_engine, make_url

    assert settings.postgres_url is not None, "settings refuse such an environment without one"
    url = make_url(settings.postgres_url.get_secret_value()).set(drivername="postgresql+psycopg2")
    create_engine(url, connect_args={"connect_timeout": 5}).connect().close()
    return f"PostgreSQL on {url.host}/{url.database}"
