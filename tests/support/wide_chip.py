"""An architecture whose menus hold more than its networks need."""

from __future__ import annotations

CHIP = """
name: mine
technology: generic45
clock_mhz: 500
array: {x: [4, 8], y: 4}
levels:
  - {name: DRAM, component: dram, bandwidth: {shared: [8 GB/s, 16 GB/s]}}
  - {name: GLB, component: sram, size: [32 KiB, 64 KiB]}
  - {name: RF, component: regfile, size: 64 words, must_keep: [W, I, O]}
"""
