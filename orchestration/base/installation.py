"""`ringfence.toml`: the file in an installation's folder that says where its data and its key are.

It holds any setting by its name in lower case, without the prefix of its environment variable, which goes before it.
Paths in it are relative to its folder, so that a folder that is moved takes its installation along.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from orchestration.base.files import NotTextError, read_text
from orchestration.base.refusal import Refusal

NAME = "ringfence.toml"
#: Names a file elsewhere; `none` stands for no file at all.
VARIABLE = "RINGFENCE_CONFIG"
_HEAD = "# Read by `ringfence` in this folder and below; environment variables go before it.\n"
_PROJECT = Path(__file__).resolve().parents[2]
#: Of these one is enough: a key in the environment goes before a key's file in the file.
_EITHER = ("pseudonym_key", "pseudonym_key_file")


def find_installation_file() -> Path | None:
    """The file that `RINGFENCE_CONFIG` names, else that of this folder, of the nearest above it, of the project."""
    named = os.environ.get(VARIABLE)
    if named == "none":
        return None
    if named:
        return Path(named).expanduser().resolve()
    return next((path for folder in _folders() if (path := folder / NAME).is_file()), None)


def looked_in() -> str:
    """Where a file was looked for, in words."""
    return os.environ.get(VARIABLE) or f"{Path.cwd()} and above, {_PROJECT}"


def _folders() -> Iterator[Path]:
    here = Path.cwd()
    yield from (here, *here.parents, _PROJECT)


def write_installation_file(folder: Path, settings: Mapping[str, Path]) -> Path:
    """Write the file with paths relative to its folder where they are below it.

    Raises:
        FileExistsError: an existing file is somebody's, and left as it is.
    """
    target = folder / NAME
    lines = [f'{name} = "{_short(path, folder)}"\n' for name, path in settings.items()]
    with target.open("x", encoding="utf-8") as file:
        file.writelines([_HEAD, *lines])
    return target


def take_site(site: Path) -> Path | None:
    """Name a site in the file that commands read here; return the file, or None if that is left to who runs them.

    It is where there is no file, where the file names a site, and where extracts have been taken in under another.
    """
    file = find_installation_file()
    if file is None or not file.is_file():
        return None
    text = read_text(file)
    written = tomllib.loads(text)
    if "site" in written or (file.parent / written.get("home", "data") / "raw").exists():
        return None
    break_ = "" if text.endswith("\n") else "\n"
    with file.open("a", encoding="utf-8") as end:
        end.write(f'{break_}site = "{_short(site.resolve(), file.parent)}"\n')
    return file


def _short(path: Path, folder: Path) -> str:
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()


class InstallationFile(PydanticBaseSettingsSource):
    """The file as a source of settings; `above` is what the environment says, which goes before it."""

    def __init__(self, settings_cls: type[BaseSettings], above: Mapping[str, Any]) -> None:
        super().__init__(settings_cls)
        self.written = read_installation_file(find_installation_file(), settings_cls.model_fields)
        if above.keys() & set(_EITHER):
            self.written = {name: value for name, value in self.written.items() if name not in _EITHER}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self.written.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self.written


def read_installation_file(file: Path | None, known: Mapping[str, FieldInfo]) -> dict[str, Any]:
    """What a file says, of settings that are `known`; its paths are whole.

    Raises:
        Refusal: if it cannot be read, or says what is no setting.
    """
    if file is None:
        return {}
    try:
        written = tomllib.loads(read_text(file))
    except FileNotFoundError:
        raise Refusal(f"{VARIABLE}: {file} does not exist.") from None
    except (tomllib.TOMLDecodeError, NotTextError) as error:
        raise Refusal(f"{file}: {error}") from None
    check_names(str(file), written, known)
    return {
        name: str(file.parent / Path(value).expanduser()) if _is_path(known[name]) and isinstance(value, str) else value
        for name, value in written.items()
    }


def _is_path(setting: FieldInfo) -> bool:
    return Path in (setting.annotation, *get_args(setting.annotation))


def check_names(where: str, names: Collection[str], known: Collection[str]) -> None:
    """See that every name is that of a setting.

    Raises:
        Refusal: naming one that is not, and what may have been meant.
    """
    for name in sorted(set(names) - set(known)):
        near = difflib.get_close_matches(name, known, 1)
        raise Refusal(f"{where}: there is no setting {name!r}" + (f"; did you mean {near[0]!r}?" if near else "."))
