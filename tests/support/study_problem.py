"""A small network and an architecture with menus, for studies."""

from __future__ import annotations

from tests.support.wide_chip import CHIP as WIDE_CHIP

NETWORK = """
name: small
layers:
  - {name: a, type: matmul, dims: {M: 32, N: 64, K: 48}}
  - {name: b, type: conv, dims: {K: 8, C: 4, P: 7, Q: 7, R: 3, S: 3}}
"""
CHIP = (
    WIDE_CHIP.replace("[32 KiB, 64 KiB]", "[1 KiB, 2 KiB, 8 KiB]")
    .replace("[4, 8]", "[2, 4, 8]")
    .replace("64 words", "8 words")
)
