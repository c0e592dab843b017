"""The problem of a search: everything that its result depends on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.budgets import Budgets
from optimizer.architecture.reader import parse_architecture
from optimizer.errors import SpecError
from optimizer.files.arguments import Checked
from optimizer.problem.exact_json import decode_exact, encode_exact
from optimizer.problem.fusion_options import Fusion, parse_fusion
from optimizer.problem.serving_caps import KEY, ServingCaps, caps_in
from optimizer.problem.space import DEFAULT_ENGINE, Padding, engine_in, named_in_data
from optimizer.problem.versions import MODEL_VERSION
from optimizer.workload.network import Network
from optimizer.workload.reader import network_data, network_from_data

BUDGETS = ("area_mm2", "dram_gbps", "power_w", "latency_ms", "energy_mj", "dram_gib")


@dataclass(frozen=True)
class Problem(Checked):
    """A network, an architecture with its budgets, and what is minimized.

    Parameters
    ----------
    network : Network
    architecture : Architecture
        With its budgets and its accounting.
    objective : {"energy", "latency", "edp"}
        Sums over the layers; ``edp`` is (sum of energies) x (sum of latencies).
    padding : {"none", "auto"} or mapping of dim to extents
        Larger extents that dims may be padded to; the padded work is paid for.
    fusion : Fusion, optional
        Groups of layers may run tile by tile with their inner tensors on chip; without it every layer runs by itself.
    engine : {"path", "cp-sat", "both"}
        The search of a layer's best loop nest, and so the space that OPTIMAL speaks of.
    caps : ServingCaps, optional
        Of a language model, beside the budgets of the architecture.
    """

    network: Network
    architecture: Architecture
    objective: str = "energy"
    padding: Padding = "none"
    fusion: Fusion | None = None
    engine: str = DEFAULT_ENGINE
    caps: ServingCaps | None = None

    def to_json(self) -> dict[str, Any]:
        """The problem as plain JSON values; :meth:`from_json` reads it back, exact to the last digit."""
        padding = self.padding if isinstance(self.padding, str) else {d: list(e) for d, e in self.padding.items()}
        return {
            **network_json(self.network),
            **architecture_json(self.architecture),
            "objective": self.objective,
            "padding": padding,
            **({} if self.fusion is None else {"fusion": self.fusion.data()}),
            **named_in_data(self.engine),
            **({} if self.caps is None else {KEY: self.caps.data()}),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Problem:
        """The problem that :meth:`to_json` wrote.

        Raises
        ------
        SpecError, KeyError, TypeError, ValueError
            If something is missing or invalid.
        """
        budgets = Budgets(**{name: Fraction(limit) for name, limit in data["budgets"].items()})
        architecture = parse_architecture(decode_exact(data["architecture"]))
        padding: Padding = data["padding"]
        if not isinstance(padding, str):
            padding = {dim: tuple(extents) for dim, extents in padding.items()}
        return cls(
            network_of(data),
            replace(architecture, budgets=budgets, accounting=data["accounting"]),
            data["objective"],
            padding,
            parse_fusion(data["fusion"]) if "fusion" in data else None,
            engine_in(data),
            caps_in(data),
        )


def problem_hash(data: dict[str, Any]) -> str:
    """Hash of a problem as plain data, and of the version of the model: equal only for equal problems."""
    return hashlib.sha256(json.dumps([MODEL_VERSION, data], sort_keys=True).encode()).hexdigest()


def network_json(network: Network) -> dict[str, Any]:
    """The network as a problem states it."""
    return {"network": encode_exact(network_data(network))}


def network_of(data: dict[str, Any]) -> Network:
    """The network of a problem as plain data.

    Raises
    ------
    SpecError
        If it is missing or makes no sense.
    """
    try:
        return network_from_data(decode_exact(data["network"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SpecError(
            f"the result is damaged: the network cannot be read: {type(error).__name__} {error}",
            field="problem.network",
            allowed="a network as a result states it",
            remedy="check the folder with `tilewright verify`, or make the result again",
        ) from error


def architecture_json(architecture: Architecture) -> dict[str, Any]:
    """Architecture, accounting and budgets as a problem states them."""
    budgets = architecture.budgets
    return {
        "architecture": encode_exact(architecture.source),
        "accounting": architecture.accounting,
        "budgets": {name: str(getattr(budgets, name)) for name in BUDGETS if getattr(budgets, name) is not None},
    }
