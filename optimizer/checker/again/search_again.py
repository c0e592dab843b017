"""The search used by the checks: proofs about single layers and groups, and whole problems solved again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from formulations.engines import Engine, engine_of
from optimizer import api
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.budgets import Limits
from optimizer.checker.again.given_groups import group_faults, nest_faults
from optimizer.checker.again.groups import fused_again
from optimizer.checker.again.layer_bounds import excluded_again, lines_again, reprove
from optimizer.checker.again.memory_plan import memory_checks
from optimizer.checker.again.sparse_files import sparse_checks
from optimizer.checker.again.whole_problems import Common, cell_solver, least_value
from optimizer.checker.bound_weights import LayerBound
from optimizer.checker.claims.codesign import JointClaim
from optimizer.checker.claims.solve import Claim
from optimizer.checker.effort import Effort, Say
from optimizer.checker.outcome import Check
from optimizer.checker.searches import CellSolver, CommonDesigns, Least
from optimizer.checker.stored import StoredResult, stored
from optimizer.problem.fusion_options import Fusion
from optimizer.problem.space import Padding
from optimizer.workload.network import Network

Data = dict[str, Any]
PROVERS = {"cp-sat": "path", "both": "path"}
"""Where CP-SAT does not decide, the other search over the same nests does."""


class SearchAgain:
    """Implementation of :class:`optimizer.checker.searches.Searches`; proofs about layers share the tables of one
    instance.

    Make a new one for every verification: nothing is kept from before.
    """

    def __init__(self) -> None:
        self._engines: dict[str, Engine] = {}

    def _engine(self, claim: Claim) -> Engine:
        """The search that proves a claim again, which keeps its tables as long as this instance."""
        name = PROVERS.get(claim.engine, claim.engine)
        return self._engines.setdefault(name, engine_of(name))

    def bounds(
        self, claim: Claim, effort: Effort, raised: Collection[int] = (), beside: Collection[int] = ()
    ) -> list[Check]:
        """Layer bounds and bounds of single points; of a fused network, bounds of boxes."""
        if claim.fusion is not None:
            return [fused_again(claim, effort)]
        return reprove(claim, effort, raised, beside, engine=self._engine(claim))

    def lines(self, claim: Claim, layer_bounds: Sequence[LayerBound], effort: Effort) -> Check:
        """Prove the statements about single layers that the lines of a front rest on."""
        return lines_again(claim, layer_bounds, effort, self._engine(claim))

    def excluded(self, claim: JointClaim, numbers: Sequence[int], effort: Effort) -> Check:
        """Prove that on these single points at least one network cannot keep its caps."""
        return excluded_again(claim, numbers, effort, self._engine(claim.whole))

    def solve(
        self,
        network: Network,
        architecture: Architecture,
        *,
        objective: str,
        padding: Padding,
        fusion: Fusion | None = None,
    ) -> StoredResult:
        """Solve a whole problem with fresh tables."""
        return stored(api.solve(network, architecture, objective=objective, padding=padding, fusion=fusion))

    def cells(self, problems: Sequence[Data], *, keep: bool) -> CellSolver:
        """A solver of networks on given hardware."""
        return cell_solver(problems, keep=keep)

    def least(self, problem: Data, own: Limits, limits: Limits, objective: str, until: float | None) -> Least:
        """The least latency or energy within other limits than the problem's own."""
        return least_value(problem, own, limits, objective, until)

    def common_designs(self, problems: Sequence[Data], until: float | None) -> CommonDesigns:
        """A search for designs that serve several networks."""
        return Common(problems, until)

    def given_groups(self, claim: Claim) -> Iterator[str]:
        """Groups of an evaluation that differ from those of its problem."""
        return group_faults(claim)

    def nests(self, claim: Claim) -> Iterator[str]:
        """Loop nests of an evaluation that are not optimal."""
        return nest_faults(claim)

    def memory(self, data: Data, *, thorough: bool, say: Say) -> Iterator[Check]:
        """All checks of a plan of memory."""
        return memory_checks(data, thorough=thorough, say=say)

    def sparse(self, data: Data, say: Say) -> Iterator[Check]:
        """All checks of the file written by a command of ``tilewright sparse``."""
        return sparse_checks(data, say)
