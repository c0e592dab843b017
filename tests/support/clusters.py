"""Dask clusters of this host whose workers find the works of the tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import scaling_cases


@contextmanager
def cluster(folder: Path, settings: dict[str, Any], **asked: Any) -> Iterator[str]:
    """The address of the scheduler of a cluster; `settings` are Dask's, `asked` goes to its ``LocalCluster``."""
    import dask  # noqa: PLC0415
    import distributed  # noqa: PLC0415

    with pytest.MonkeyPatch.context() as patch, dask.config.set(settings):
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(scaling_cases.__file__).parents[2]), *sys.path]))
        given = {"threads_per_worker": 1, "dashboard_address": ":0", "local_directory": str(folder)}
        with distributed.LocalCluster(**given, **asked) as made:
            yield made.scheduler_address
