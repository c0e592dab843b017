"""Why there is no design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Relaxation:
    """The least limit of a budget that admits a design, all others as they are; a bound on it where not ``exact``."""

    budget: str
    limit: float | None
    least: float
    exact: bool
    text: str


@dataclass(frozen=True, kw_only=True)
class BlamedCap:
    """A cap of a language model behind a blamed ``budget``, in its own unit, and what it would have to be: at least,
    for tokens per second at most. None where that is not known.
    """

    cap: str
    budget: str
    limit: float
    least: float | None


@dataclass(frozen=True, kw_only=True)
class OffChipExcess:
    """Bytes of the outermost memory, and those that do not fit: of learned words, and of a language model of its keys,
    values and states.
    """

    capacity_bytes: int
    weight_bytes: int
    cache_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class Infeasibility:
    """Fewest budgets and constraints that exclude every design, and the layer that fits nowhere, if there is one.

    ``relaxations`` are those of the budgets, ``removable`` the blamed constraints without any one of which there is a
    design; without constraints in the problem, ``constraints`` and ``removable`` are None. ``complete`` is false where
    the time did not suffice. ``caps`` are those of a language model that stand behind the budgets.
    ``memory`` says what does not fit off chip, where that alone excludes every design.
    """

    budgets: tuple[str, ...]
    relaxations: tuple[Relaxation, ...]
    complete: bool
    layer: str | None = None
    constraints: tuple[str, ...] | None = None
    removable: tuple[str, ...] | None = None
    caps: tuple[BlamedCap, ...] | None = None
    memory: OffChipExcess | None = None


@dataclass(frozen=True, kw_only=True)
class NetworkRelaxation:
    """The least cap of one network that admits a common design, all others as they are."""

    network: str
    budget: str
    limit: float
    least: float
    exact: bool
    text: str


@dataclass(frozen=True, kw_only=True)
class JointInfeasibility:
    """Networks that have no design even alone, each with its reason, or networks that exclude each other."""

    networks: tuple[str, ...]
    alone: Mapping[str, Infeasibility]
    relaxations: tuple[NetworkRelaxation, ...]
    complete: bool
