"""A chip of 500 MHz with 16-bit words, for tests that bring their own array and levels."""

from __future__ import annotations


def chip_yaml(array: str, *levels: str) -> str:
    """An architecture: its array, and its levels inside of the DRAM."""
    inner = "".join(f"  - {level}\n" for level in levels)
    return f"""
name: tiny
technology: generic45
clock_mhz: 500
word_bits: 16
mac: {{type: int, bits: 16}}
vector: {{lanes: 4}}
array: {array}
levels:
  - {{name: DRAM, component: dram, bandwidth: {{shared: 2 GB/s}}}}
{inner}"""
