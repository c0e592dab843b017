"""The interface of the search that the checks use; :mod:`optimizer.checker.again` implements it. Without a search the
checks name what they leave out.

The checks themselves import no search. They say what is to be proved or solved again, and compare what comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.boxes import Box
from optimizer.architecture.budgets import Limits
from optimizer.checker.bound_weights import LayerBound
from optimizer.checker.claims.codesign import JointClaim
from optimizer.checker.claims.solve import Claim
from optimizer.checker.effort import Effort, Say
from optimizer.checker.outcome import Check
from optimizer.checker.stored import StoredResult
from optimizer.problem.fusion_options import Fusion
from optimizer.problem.space import Padding
from optimizer.workload.network import Network

Data = dict[str, Any]
CellSolver = Callable[[int, Box], tuple[int, int] | None]
"""Energy units and cycles of the best design of the network of a number on the hardware of a box, if there is one."""


@dataclass(frozen=True)
class Least:
    """A least value: that of the best design found, a lower bound, and whether the search finished.

    ``result`` is that design as a result, to be checked like any other.
    """

    value: Fraction | None
    bound: Fraction
    complete: bool
    result: StoredResult | None


class CommonDesigns(Protocol):
    """Designs that serve several networks of a co-design, by their numbers."""

    def exist(self, numbers: Sequence[int]) -> bool | None:
        """True if one exists; None if undecided within the time."""

    def least(self, numbers: Sequence[int], number: int, budget: str) -> tuple[bool, Fraction | None]:
        """Was it settled; and the least value of one network where its own cap on `budget` is lifted, if any."""


class Searches(Protocol):
    """Proofs and whole problems again, all with fresh tables."""

    def bounds(
        self, claim: Claim, effort: Effort, raised: Collection[int] = (), beside: Collection[int] = ()
    ) -> list[Check]:
        """Proves the layer bounds of a certificate again.

        Parameters
        ----------
        claim : Claim
            Of one network.
        raised : collection of int
            Numbers of boxes, single points, with a bound that rests on more than their layer bounds.
        beside : collection of int
            Numbers of boxes that rest on more than this network's layer bounds, and are proved elsewhere.
        """

    def lines(self, claim: Claim, layer_bounds: Sequence[LayerBound], effort: Effort) -> Check:
        """Prove the statements about single layers that the lines of a front rest on."""

    def excluded(self, claim: JointClaim, numbers: Sequence[int], effort: Effort) -> Check:
        """Prove that on these single points at least one network cannot keep its caps."""

    def solve(
        self,
        network: Network,
        architecture: Architecture,
        *,
        objective: str,
        padding: Padding,
        fusion: Fusion | None = None,
    ) -> StoredResult:
        """A whole problem."""

    def cells(self, problems: Sequence[Data], *, keep: bool) -> CellSolver:
        """Networks on given hardware; `keep` the tables of all of them, or only of the last one."""

    def least(self, problem: Data, own: Limits, limits: Limits, objective: str, until: float | None) -> Least:
        """The least latency or energy within other limits than the problem's own, until a ``time.perf_counter()``."""

    def common_designs(self, problems: Sequence[Data], until: float | None) -> CommonDesigns:
        """Designs for several networks, until a ``time.perf_counter()``."""

    def given_groups(self, claim: Claim) -> Iterator[str]:
        """Groups of an evaluation that differ from those of its problem."""

    def nests(self, claim: Claim) -> Iterator[str]:
        """Loop nests of an evaluation that are not optimal."""

    def memory(self, data: Data, *, thorough: bool, say: Say) -> Iterator[Check]:
        """All checks of ``memory.json``."""

    def sparse(self, data: Data, say: Say) -> Iterator[Check]:
        """All checks of ``sparse.json``."""
