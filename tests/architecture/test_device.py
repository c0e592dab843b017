"""Device files: presets, and bad input."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.architecture.device import RESOURCES, load_device
from optimizer.errors import SpecError
from optimizer.files.presets import preset_names


def test_presets_have_every_resource() -> None:
    assert set(preset_names("devices")) >= {"xc7a100t", "zcu102", "vc707", "u250"}
    for name in preset_names("devices"):
        device = load_device(name)
        assert device.name == name and set(device.resources) == set(RESOURCES) and device.clock_mhz > 0
    assert load_device("xc7a100t").resources["dsp"] == 240
    assert load_device("zcu102").resources["uram"] == 0 < load_device("u250").resources["uram"]


def test_unknown_names_and_resources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="zcu102"):
        load_device("zcu103")
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nresources: {dps: 4}\nfabric: series7\nclock_mhz: 100\nsource: a test\n")
    with pytest.raises(SpecError, match="dsp"):
        load_device(file)
