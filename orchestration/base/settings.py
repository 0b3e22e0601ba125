"""Every setting, typed, in one place.

Settings come from `RINGFENCE_*` environment variables, from the installation's `ringfence.toml` and from the site's
`site.toml`; nothing else in the code base reads any of them.
"""

from __future__ import annotations

import os
import re
import stat
from datetime import date, time
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ByteSize, Field, SecretStr, TypeAdapter, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from orchestration.base.installation import (
    NAME,
    VARIABLE,
    InstallationFile,
    check_names,
    find_installation_file,
    read_installation_file,
)
from orchestration.base.site_profile import SITES, VIEW, Site, existing_zone, read_profile

PACKAGE = Path(__file__).resolve().parents[1]
#: The clone, or what a wheel has brought of it: the dbt project, the suites, the dashboards (setup.py).
PROJECT = PACKAGE.parent if (PACKAGE.parent / "dbt_project").is_dir() else PACKAGE / "shipped"


def _view_of(site: Path | None) -> str:
    """The view that a site's profile names; one that cannot be read is refused when the settings are whole."""
    try:
        return read_profile(site).view
    except ValueError:
        return "market"


class Environment(BaseModel, frozen=True):
    """What differs between a desk and a machine room; the code is the same."""

    storage: Literal["sqlite", "postgres"]
    runs_by_itself: bool


ENVIRONMENTS = {
    "dev": Environment(storage="sqlite", runs_by_itself=False),
    "staging": Environment(storage="postgres", runs_by_itself=True),
    "prod": Environment(storage="postgres", runs_by_itself=True),
}


PREFIX = "RINGFENCE_"
_MEMORY = re.compile(r"[0-9]+(\.[0-9]+)? ?[KMGT]i?B")
#: DuckDB takes half of it to open a file at all.
_LEAST_MEMORY = 64_000_000
_PRIVATE = 0o700
#: What Dagster or dbt take for a pattern or a part of an address: they would look for their files elsewhere.
_NOT_IN_HOME = re.compile(r"[][*?#]|%[0-9A-Fa-f]{2}")


class Settings(BaseSettings):
    """The settings of one installation; see `docs/operations.md` for what each one does."""

    #: An error shows nothing of what was given: secrets are among it.
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, hide_input_in_errors=True
    )  # fmt: skip

    home: Path = Path("data")
    landing: Path | None = None
    site: Path | None = None
    view: str = Field(default_factory=lambda given: _view_of(given.get("site")), pattern=VIEW)
    env: Literal["dev", "staging", "prod"] = "dev"
    postgres_url: SecretStr | None = None
    timezone: str | None = None
    engine: Literal["duckdb", "spark"] = "duckdb"
    spark: str = Field(
        default="local[2]", pattern=r"^(local(\[[0-9*]+\])?|(spark|sc)://\S+|yarn|k8s://\S+|thrift://\S+:\d+)$"
    )
    spark_format: Literal["parquet", "iceberg", "delta"] = "parquet"
    spark_gates_above: ByteSize = ByteSize(50_000_000_000)
    pseudonym_key: SecretStr | None = None
    pseudonym_key_file: Path | None = None
    statement_key_file: Path | None = None
    memory_limit: str = "6GB"
    first_day: date | None = None
    keep_generations: int = Field(default=5, ge=2)
    keep_raw_days: int | None = Field(default=None, ge=60)  # the gates compare a day with its weekday's history
    keep_landing_days: int | None = Field(default=None, ge=1)
    small_group_threshold: int = Field(default=5, ge=1)
    notify_webhook: SecretStr | None = None
    notify_email: str | None = None
    notify_fraud_amount: int | None = Field(default=None, gt=0)
    report_email: str | None = None
    report_webhook: SecretStr | None = None
    report_webhook_format: Literal["slack", "teams"] = "slack"
    report_at: time | None = None
    reports_url: str = Field(default="http://127.0.0.1:3001", pattern=r"^https?://[^\s?#]+$")
    smtp_host: str = "localhost"
    smtp_port: int = 25
    smtp_starttls: bool = False
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_sender: str = "ringfence@localhost"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is said in code, then the environment, then `ringfence.toml`."""
        return init_settings, env_settings, InstallationFile(settings_cls, env_settings())

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """Another installation's, as its `ringfence.toml` says; nothing of this one's, or of the environment, is in it.

        Without such a file the folder is its data, and the rest as shipped.
        """
        file = folder / NAME
        written = read_installation_file(file, cls.model_fields) if file.is_file() else {"home": folder}
        given = {name: field.default for name, field in cls.model_fields.items() if name != "view"} | written
        return cls(**({"view": _view_of(given["site"] and Path(given["site"]))} | given))

    @model_validator(mode="after")
    def _has_storage(self) -> Self:
        if self.environment.storage == "postgres" and self.postgres_url is None:
            raise ValueError(
                f"RINGFENCE_POSTGRES_URL is not set: in {self.env}, Dagster keeps its records in PostgreSQL"
            )
        return self

    @model_validator(mode="after")
    def _is_found_by_all(self) -> Self:
        if why := why_no_home(self.home):
            raise ValueError(f"RINGFENCE_HOME: {why}")
        return self

    @model_validator(mode="after")
    def _tells_no_password_in_clear(self) -> Self:
        if self.smtp_user and self.smtp_password and not self.smtp_starttls and not _is_loopback(self.smtp_host):
            raise ValueError(
                f"RINGFENCE_SMTP_PASSWORD would go to {self.smtp_host} in clear: set RINGFENCE_SMTP_STARTTLS to true"
            )
        return self

    @model_validator(mode="after")
    def _has_site(self) -> Self:
        if self.site and not self.site.is_dir():
            raise ValueError(f"RINGFENCE_SITE: {self.site} is not a folder")
        _ = self.site_profile
        return self

    @field_validator("memory_limit")
    @classmethod
    def _is_enough(cls, text: str) -> str:
        if not _MEMORY.fullmatch(text) or TypeAdapter(ByteSize).validate_python(text) < _LEAST_MEMORY:
            raise ValueError(f"{text!r} is not an amount of memory such as 6GB, of 64MB or more")
        return text

    @field_validator("timezone")
    @classmethod
    def _exists(cls, name: str | None) -> str | None:
        return existing_zone(name) if name else None

    @field_validator("home", "landing", "site", "pseudonym_key_file", "statement_key_file")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path.expanduser().resolve() if path else None

    @cached_property
    def site_profile(self) -> Site:
        """What the site says of itself."""
        return read_profile(self.site)

    @property
    def time_zone(self) -> str:
        """Name of the time zone in which days begin and end."""
        return self.timezone or self.site_profile.time_zone

    @property
    def environment(self) -> Environment:
        """What the environment stands for."""
        return ENVIRONMENTS[self.env]

    @property
    def landing_dir(self) -> Path:
        return self.landing or self.home / "landing"

    @property
    def raw_dir(self) -> Path:
        return self.home / "raw"

    @property
    def quarantine_dir(self) -> Path:
        return self.home / "quarantine"

    @property
    def vault_dir(self) -> Path:
        return self.home / "vault"

    @property
    def warehouse(self) -> Path:
        return self.home / "warehouse.duckdb"

    @property
    def spark_dir(self) -> Path:
        """What Apache Spark holds, where it is the engine: a folder that all of its machines see."""
        return self.home / "spark"

    @property
    def serving_dir(self) -> Path:
        return self.home / "serving"

    @property
    def gates_dir(self) -> Path:
        return self.home / "gates"

    @property
    def reports_dir(self) -> Path:
        return self.home / "reports"

    @property
    def statement_key(self) -> Path:
        """The file of the key that signs statements."""
        return self.statement_key_file or self.home / "statement.key"

    @property
    def gates_page(self) -> Path:
        return self.reports_dir / "gates.html"

    def page_url(self, name: str) -> str:
        """Where people open a page of the reports."""
        return f"{self.reports_url.rstrip('/')}/{name}"

    @property
    def notifications_dir(self) -> Path:
        return self.home / "notifications"

    @property
    def dagster_home(self) -> Path:
        return self.home / "dagster"

    @property
    def scratch_dir(self) -> Path:
        """Private, short-lived files: transcoded extracts, spilled intermediate results."""
        return self.home / "tmp"

    def layers(self, folder: str) -> list[Path]:
        """A folder of the site that this one is based on, and the site's own, which is laid over it."""
        base = self.site_profile.based_on
        return [*([SITES / base / folder] if base else []), *([self.site / folder] if self.site else [])]

    def overlay(self, folder: str, default: Path, pattern: str) -> dict[str, Path]:
        """Files by stem: the default ones, replaced or joined by those of the site, and of the one it is based on."""
        return {path.stem: path for place in (default, *self.layers(folder)) for path in sorted(place.glob(pattern))}


def origins() -> dict[str, str]:
    """Where each setting that was made has its value from, by name: a variable, or the path of a `ringfence.toml`."""
    variables = {name: f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    said = {name: variable for name, variable in variables.items() if os.environ.get(variable)}
    written = InstallationFile(Settings, said).written
    return dict.fromkeys(written, str(find_installation_file())) | said


def check_variables() -> None:
    """See that every variable with our prefix is a setting.

    Raises:
        Refusal: naming one that is not, and what may have been meant.
    """
    made = {name for name in os.environ if name.startswith(PREFIX)} - {VARIABLE}
    check_names("the environment", made, [f"{PREFIX}{name}".upper() for name in Settings.model_fields])


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def home_dir(path: Path) -> Path:
    """Make the installation's folder and return it: nobody else may look into it, nor change it.

    Whether others may pass through it, to what is published, is left as a publication has set it.
    """
    path.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
    os.chmod(path, path.stat().st_mode & 0o711)
    return path


def why_no_home(folder: Path) -> str | None:
    """Why data cannot lie in a folder, or None if it can."""
    if found := _NOT_IN_HOME.search(str(folder)):
        return f"{folder} has {found[0]!r} in it, by which Dagster or dbt would look elsewhere: use a folder without"
    return None


def private_dir(path: Path) -> Path:
    """Make a folder that only its owner may open, and return it."""
    path.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
    if stat.S_IMODE(path.stat().st_mode) != _PRIVATE:  # a disk that is read-only refuses to set even the same mode
        os.chmod(path, _PRIVATE)
    return path
