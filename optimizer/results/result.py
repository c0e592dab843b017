"""What a solve hands back, and what it reports on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class CoDesign:
    """One hardware for several networks, with its proof.

    Parameters
    ----------
    data : dict
        Contents of ``result.json``: status, objective, hardware, networks, cross table and the problem itself.
    certificate : dict
        Contents of ``certificate.json``: exact values, and what closed every hardware point.
    networks : dict of str to Result
        Every network on the joint design: results with a single hardware point. Empty without a design.
    alone : dict of str to Result
        The best design of every network by itself.
    """

    data: dict[str, Any]
    certificate: dict[str, Any]
    networks: dict[str, Result] = field(default_factory=dict)
    alone: dict[str, Result] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """``OPTIMAL``, ``FEASIBLE``, ``INFEASIBLE`` or ``UNKNOWN``."""
        return str(self.data["status"])


@dataclass
class Result:
    """A design with its proof.

    Parameters
    ----------
    data : dict
        Contents of ``result.json``: status, objective, hardware, layers, lower bounds and the problem itself.
    certificate : dict
        Contents of ``certificate.json``: what closed every hardware point.
    beside : Result, optional
        The best design layer by layer, where ``comparison`` in the data sets the two beside each other.
    """

    data: dict[str, Any]
    certificate: dict[str, Any] = field(default_factory=dict)
    beside: Result | None = None

    @property
    def status(self) -> str:
        """``OPTIMAL``, ``FEASIBLE``, ``INFEASIBLE`` or ``UNKNOWN``."""
        return str(self.data["status"])
