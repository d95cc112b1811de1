"""The environment in which readers try what pages show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import fresh

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the package where nothing else is, and give the folder of its commands."""
    wheel = fresh.build("wheel", tmp_path_factory.mktemp("wheel"))
    beside = ["fastapi", "httpx2", "prometheus-client", "jinja2", "matplotlib"]
    return fresh.install(wheel, tmp_path_factory.mktemp("fresh") / "venv", extra="async", beside=beside)
