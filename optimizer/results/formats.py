"""Names of file formats, and constants shared by the writers and the checkers of files."""

from __future__ import annotations

from collections.abc import Container

SOLVE_FORMAT = "tilewright-solve/2"
STUDY_FORMAT = "tilewright-study/2"
CODESIGN_FORMAT = "tilewright-codesign/1"
EVALUATION_FORMAT = "tilewright-evaluation/2"
MEMORY_FORMAT = "tilewright-memory/1"
ADJUST_FORMAT = "tilewright-adjust/1"
SPARSE_FORMAT = "tilewright-sparse/1"

RESULT_FILE = "result.json"
CERTIFICATE_FILE = "certificate.json"
EVALUATION_FILE = "evaluation.json"
SPARSE_FILE = "sparse.json"
MEMORY_FILE = "memory.json"
STEPS_FILE = "steps.csv"
CELLS_FILE = "cells.csv"
ADJUST_FILE = "adjust.json"
ADJUSTED_YAML = "adjusted.yaml"
ADJUSTED_ONNX = "adjusted.onnx"
ORIGINAL = "original"
"""Folder, beside ``adjust.json``, with the result of the network as it was."""
BESIDE = "layer_by_layer"
"""Folder, beside a fused result, with the best design layer by layer that it is compared with."""
WITHOUT = "without"
"""Folder, beside a result under a constraint on mappings, with the best design without this constraint."""

EVALUATED = "EVALUATED"
"""Status if nothing was chosen."""
JOINT = "joint"
"""Name of the joint design in the cross table of a co-design."""
GIVEN_SPACE = (
    "Given by hand, not searched: hardware, groups, tiles, halo policies, resident weights, held tensors and strips. "
    "The loop nest of every run of a layer, in a group or by itself, is the proved best by {objective} of these. "
)
"""Space of an evaluation of groups given by hand; that of the loop nests follows."""
ADJUST_ACCURACY = "The adjusted network must be trained again; its accuracy is not predicted."
ADJUST_SPACE = (
    "Channel widths of the free classes out of their candidates, input resolutions and expansion ratios asked for, "
    "parameters and multiply-accumulates of the network within their limits, hardware points out of the menus, every "
    "layer by itself under its best mapping. "
)
"""Space of an adjustment; that of the loop nests follows."""


def folder_beside(sections: Container[str]) -> str | None:
    """The folder of the result that one with these sections is compared with; None if it is with none."""
    return BESIDE if "comparison" in sections else WITHOUT if "dropped" in sections else None
