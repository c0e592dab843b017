"""Tilewright: provably optimal DNN accelerators.

The interface is loaded on first use: ``optimizer.solve``, ``optimizer.load``, ``optimizer.Result``. What ``__all__``
lists is for users; the packages below are its inside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optimizer.api import compare as compare
    from optimizer.api import map_layer as map_layer
    from optimizer.api import solve as solve
    from optimizer.architecture.architecture import Architecture as Architecture
    from optimizer.architecture.budgets import Budgets as Budgets
    from optimizer.architecture.constrain import with_constraints as with_constraints
    from optimizer.architecture.hardware import Hardware as Hardware
    from optimizer.architecture.reader import load_architecture as load_architecture
    from optimizer.architecture.retarget import on_device as on_device
    from optimizer.errors import InternalDisagreementError as InternalDisagreementError
    from optimizer.errors import SpecError as SpecError
    from optimizer.errors import TilewrightError as TilewrightError
    from optimizer.errors import UnavailableError as UnavailableError
    from optimizer.features import adjust as adjust
    from optimizer.features import codesign as codesign
    from optimizer.features import front as front
    from optimizer.features import plan_memory as plan_memory
    from optimizer.features import size_engine as size_engine
    from optimizer.features import study as study
    from optimizer.inspection import evaluate as evaluate
    from optimizer.inspection import evaluate_groups as evaluate_groups
    from optimizer.inspection import load_result as load_result
    from optimizer.inspection import save as save
    from optimizer.inspection import show_versions as show_versions
    from optimizer.inspection import verify as verify
    from optimizer.mapping.mapping import Loop as Loop
    from optimizer.mapping.mapping import Mapping as Mapping
    from optimizer.mapping.mapping import Node as Node
    from optimizer.multi_network.request import Member as Member
    from optimizer.networks.load import load as load
    from optimizer.problem.fusion_options import Fusion as Fusion
    from optimizer.problem.problem import Problem as Problem
    from optimizer.problem.progress import Progress as Progress
    from optimizer.problem.serving_caps import ServingCaps as ServingCaps
    from optimizer.problem.status import Status as Status
    from optimizer.problem.status import Termination as Termination
    from optimizer.results.result import Result as Result
    from optimizer.scaling.options import Options as Options
    from optimizer.studies.metrics import Range as Range
    from optimizer.workload.layer import Layer as Layer
    from optimizer.workload.network import Network as Network
    from optimizer.workload.reader import load_network as load_network

    __version__: str

_PLACES = {
    "optimizer.api": ("compare", "map_layer", "solve"),
    "optimizer.features": ("adjust", "codesign", "front", "plan_memory", "size_engine", "study"),
    "optimizer.inspection": ("evaluate", "evaluate_groups", "load_result", "save", "show_versions", "verify"),
    "optimizer.architecture.architecture": ("Architecture",),
    "optimizer.architecture.budgets": ("Budgets",),
    "optimizer.architecture.constrain": ("with_constraints",),
    "optimizer.architecture.hardware": ("Hardware",),
    "optimizer.architecture.reader": ("load_architecture",),
    "optimizer.architecture.retarget": ("on_device",),
    "optimizer.multi_network.request": ("Member",),
    "optimizer.errors": (
        "InternalDisagreementError",
        "SpecError",
        "TilewrightError",
        "UnavailableError",
    ),
    "optimizer.mapping.mapping": (
        "Loop",
        "Mapping",
        "Node",
    ),
    "optimizer.networks.load": ("load",),
    "optimizer.problem.fusion_options": ("Fusion",),
    "optimizer.scaling.options": ("Options",),
    "optimizer.problem.problem": ("Problem",),
    "optimizer.problem.progress": ("Progress",),
    "optimizer.problem.serving_caps": ("ServingCaps",),
    "optimizer.problem.status": (
        "Status",
        "Termination",
    ),
    "optimizer.results.result": ("Result",),
    "optimizer.studies.metrics": ("Range",),
    "optimizer.workload.layer": ("Layer",),
    "optimizer.workload.network": ("Network",),
    "optimizer.workload.reader": ("load_network",),
}
"""Where the names are, for the first use; ``tests/structure`` holds that these are the imports above."""
_MODULES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "Architecture",
    "Budgets",
    "Fusion",
    "Hardware",
    "InternalDisagreementError",
    "Layer",
    "Loop",
    "Mapping",
    "Member",
    "Network",
    "Node",
    "Options",
    "Problem",
    "Progress",
    "Range",
    "Result",
    "ServingCaps",
    "SpecError",
    "Status",
    "Termination",
    "TilewrightError",
    "UnavailableError",
    "__version__",
    "adjust",
    "codesign",
    "compare",
    "evaluate",
    "evaluate_groups",
    "front",
    "load",
    "load_architecture",
    "load_network",
    "load_result",
    "map_layer",
    "on_device",
    "plan_memory",
    "save",
    "show_versions",
    "size_engine",
    "solve",
    "study",
    "verify",
    "with_constraints",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415

        return version("tilewright")
    if name not in _MODULES:
        raise AttributeError(f"module 'optimizer' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
