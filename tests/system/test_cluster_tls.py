"""A cluster whose connections are encrypted and authenticated: certificates come from Dask's configuration."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import SpecError
from optimizer.scaling import dask_pool
from optimizer.scaling.opening import open_pool
from optimizer.scaling.tasks import run_tasks
from tests.support.clusters import cluster
from tests.support.scaling_cases import square

if not find_spec("distributed") or shutil.which("openssl") is None:
    pytest.skip("there is no distributed, or no openssl", allow_module_level=True)
pytestmark = pytest.mark.slow


def certificate(folder: Path) -> dict[str, Any]:
    """Dask's configuration for one certificate of everybody, which is its own authority."""
    made = folder / "cert.pem", folder / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tilewright"]
    subprocess.run([*words, "-out", str(made[0]), "-keyout", str(made[1])], check=True, capture_output=True)
    told: dict[str, Any] = {"distributed.comm.tls.ca-file": str(made[0]), "distributed.comm.require-encryption": True}
    for who in ("scheduler", "worker", "client"):
        told |= {
            f"distributed.comm.tls.{who}.{part}": str(file) for part, file in zip(("cert", "key"), made, strict=True)
        }
    return told


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, Any]]]:
    """The address of an encrypted scheduler with a worker, and the configuration of those who may talk to it."""
    import dask  # noqa: PLC0415
    import distributed  # noqa: PLC0415

    settings = certificate(tmp_path_factory.mktemp("certificates"))
    with dask.config.set(settings):
        security = distributed.Security()
    asked = {"n_workers": 1, "processes": False, "protocol": "tls://", "security": security}
    with cluster(tmp_path_factory.mktemp("scratch"), settings, **asked) as address:
        yield address, settings


def test_tasks_run_on_an_encrypted_cluster(encrypted: tuple[str, dict[str, Any]], tmp_path: Path) -> None:
    import dask  # noqa: PLC0415

    address, settings = encrypted
    assert address.startswith("tls://")
    with dask.config.set(settings), open_pool(scheduler=address) as pool:
        outcomes = run_tasks("test", square, [{"number": 3}, {"number": 4}], pool=pool, cache_dir=tmp_path)
    assert [outcome["square"] for outcome in outcomes] == [9, 16]


def test_who_has_no_certificate_is_told(encrypted: tuple[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    import dask  # noqa: PLC0415

    monkeypatch.setattr(dask_pool, "CONNECT_S", 3)
    nothing = dict.fromkeys(name for name in encrypted[1] if "tls" in name) | {
        "distributed.comm.require-encryption": False
    }
    with (
        dask.config.set(nothing),
        pytest.raises(SpecError, match="cannot reach the scheduler"),
        open_pool(scheduler=encrypted[0]),
    ):
        pass
