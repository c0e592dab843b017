"""Every test of other processes is marked ``system`` and has an end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.time_limit import within

LONGEST_S = {False: 180, True: 900}
"""Most seconds of a test, of one that is marked ``slow``."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("system")


@pytest.fixture(autouse=True)
def end(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail instead of waiting for ever, e.g. for a cluster whose workers do not come back."""
    with within(LONGEST_S[request.node.get_closest_marker("slow") is not None]):
        yield
