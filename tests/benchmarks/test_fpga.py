"""The tables of FPGA devices and of the Eyeriss chip; skipped where only the wheel is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("benchmarks.registry")

from benchmarks import eyeriss_check, fpga_table
from benchmarks.eyeriss_check import CHIP, Modelled, Published, check, convolutions
from tests.support.tiny_problem import ARCHITECTURE, NETWORK


@pytest.mark.parametrize(
    ("published", "macs", "megabytes"), list(zip(CHIP, (2.66e9, 46.04e9), (15.4, 321.1), strict=True))
)
def test_published_figures_are_words_per_multiply_accumulate(
    published: Published, macs: float, megabytes: float
) -> None:
    """The chip's megabytes, multiply-accumulates and accesses per one of them agree for 16-bit words."""
    assert convolutions(published.network, published.batch).macs == pytest.approx(macs, rel=0.005)
    assert megabytes * 1e6 / 2 / macs == pytest.approx(published.words_per_mac, abs=0.00005)


@pytest.mark.slow
@pytest.mark.parametrize("published", CHIP, ids=lambda one: one.network)
@pytest.mark.parametrize("goal", eyeriss_check.GOALS)
def test_words_per_multiply_accumulate_are_no_lower_than_the_chips(published: Published, goal: str) -> None:
    """Nothing is compressed here; not even the mapping with least DRAM traffic goes below the chip."""
    found = check(published, goal)
    assert found.status == "OPTIMAL"
    assert found.words_per_mac >= published.words_per_mac
    assert found.words_per_mac >= found.compulsory_per_mac
    if goal == "latency":
        assert found.frames_per_s >= published.frames_per_s


def test_only_dram_costs_energy() -> None:
    chip = eyeriss_check.only_dram(eyeriss_check.load_architecture("eyeriss"))
    point = next(chip.points())
    assert [level.read_energy for level in point.levels] == [200, 0, 0] and point.mac_energy == 0
    assert point.levels[1].size_bits == 108 * 1024 * 8


@pytest.mark.slow
def test_tables(tmp_path: Path) -> None:
    network, chip, small = tmp_path / "net.yaml", tmp_path / "chip.yaml", tmp_path / "small.yaml"
    network.write_text(NETWORK)
    chip.write_text(ARCHITECTURE)
    small.write_text(
        "name: small\nresources: {dsp: 4, lut: 30000, ff: 30000, bram18: 100}\nfabric: series7\ntechnology: fpga45\n"
        "clock_mhz: 100\nsource: a test\n"
    )
    seen: list[str] = []
    chips = ("ASIC", "vc707", str(small))
    found = fpga_table.solved(str(network), str(chip), chips, "energy", seen.append, None)
    head, _, asic, fpga, none = fpga_table.markdown(found).splitlines()
    assert head.count("|") == asic.count("|") == fpga.count("|") == none.count("|")
    assert "mm2" in asic and "500 MHz" in asic
    assert "dsp" in fpga and "200 MHz" in fpga
    assert "INFEASIBLE" in none and "needs 12 dsp" in none
    assert len(seen) == 3


def test_the_table_of_the_chip_shows_ratios() -> None:
    def found() -> Iterator[Modelled]:
        yield Modelled(CHIP[0], "energy", "OPTIMAL", 0.0058, 17.5, 0.0026)

    row = eyeriss_check.markdown(found()).splitlines()[-1]
    assert "| 2.00 |" in row and "| 0.50 |" in row
