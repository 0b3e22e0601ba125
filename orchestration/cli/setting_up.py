"""Setting up: an installation, a site, and what is wrong with either."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from orchestration.base.installation import NAME as INSTALLATION_FILE
from orchestration.base.installation import take_site, write_installation_file
from orchestration.base.settings import private_dir, why_no_home
from orchestration.cli.shell import app, end, out, settings, site_app
from orchestration.privacy import PseudonymKey


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where the command is going to be used.")] = Path(),
) -> None:
    """Set up an installation in a folder: data in `data`, a fresh key, and `ringfence.toml`, which says so.

    What is there already is left as it is.
    """
    folder = folder.resolve()
    home, key = folder / "data", folder / "data" / "pseudonym.key"
    if (folder / INSTALLATION_FILE).exists():
        out.print(f"{folder / INSTALLATION_FILE} is there already, and left as it is.")
        return
    if why := why_no_home(home):
        end(why)
    folder.mkdir(parents=True, exist_ok=True)
    private_dir(private_dir(home) / "landing")
    if not key.exists():
        PseudonymKey.write_new(key)
    file = write_installation_file(folder, {"home": home, "pseudonym_key_file": key})  # last: it says that all is there
    out.print(f"{file} names {home} and its key. Guard the key like the data itself: it reverses every pseudonym.")


@site_app.command("new")
def new_site(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An empty folder, or one that is not there yet.")],
    country: Annotated[str, typer.Option(help="Code of ISO 3166, such as GB: currency, time zone and numbers.")],
) -> None:
    """Write a new site's folder, commented, sound as it stands.

    An installation of this folder that has no site and no data takes it; else RINGFENCE_SITE names it.
    """
    from orchestration.site.skeleton import write_skeleton

    for path in write_skeleton(folder, country.upper()):
        out.print(str(path), soft_wrap=True)
    file = take_site(folder)
    done = f"{file} names it now" if file else f"Now set RINGFENCE_SITE={folder.resolve()}"
    out.print(f"{done}; see `ringfence doctor`.", soft_wrap=True)


@app.command()
def doctor() -> None:
    """Say what is wrong with this set-up."""
    from orchestration.serving.sealed import check_published
    from orchestration.site.doctor import examine, look_at
    from orchestration.warehouse.needs import check_needs

    configured = settings()
    findings = [
        *examine(configured),
        look_at("what models need", check_needs, configured),
        look_at("published files", check_published, configured),
    ]
    for finding in findings:
        mark = ("ok   ", "green") if finding.problem is None else ("wrong", "red")
        out.print(Text.assemble(mark, f" {finding.subject}: {finding.problem or finding.detail}"))
    raise typer.Exit(int(any(finding.problem for finding in findings)))
