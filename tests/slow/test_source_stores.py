"""Extracts in Google's or Azure's storage, by their libraries against emulators; left out where there are none.

uv pip install 'ringfence[gcs,azure]' gcp-storage-emulator
npm install --global azurite
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.remote import azure_server, google_server
from tests.support.small_site import DAY
from tests.unit.test_sources import _offer, comes_once_and_again_when_it_is_changed


@pytest.fixture
def store(tmp_path: Path) -> Path:
    _offer(tmp_path / "exports", DAY, 2)
    return tmp_path / "exports"


def test_extracts_come_from_googles_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    pytest.importorskip("gcp_storage_emulator", reason="gcp-storage-emulator is not installed")
    environment: dict[str, str] = {}
    with google_server(environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        gcsfs = pytest.importorskip("gcsfs")
        bucket = gcsfs.GCSFileSystem(token="anon", skip_instance_cache=True)
        comes_once_and_again_when_it_is_changed(tmp_path, "gs", store, bucket)


def test_extracts_come_from_azures_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    adlfs = pytest.importorskip("adlfs")
    azurite = shutil.which("azurite-blob")
    if azurite is None:
        pytest.skip("azurite is not installed")
    environment: dict[str, str] = {}
    with azure_server(environment, azurite, tmp_path):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        bucket = adlfs.AzureBlobFileSystem(connection_string=environment["AZURE_STORAGE_CONNECTION_STRING"])
        bucket.mkdir("exports")
        comes_once_and_again_when_it_is_changed(tmp_path, "az", store, bucket)
