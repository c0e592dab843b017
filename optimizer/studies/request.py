"""Requests of studies."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from optimizer.architecture.architecture import Architecture
from optimizer.files.arguments import Checked
from optimizer.files.rules import RULE, Rule
from optimizer.problem.fusion_options import Fusion
from optimizer.problem.space import DEFAULT_ENGINE, Padding
from optimizer.studies.metrics import Range
from optimizer.workload.network import Network

MOST_TOLERANCE = Fraction(3, 10)
_TOLERANCE = Rule(
    "not a tolerance of a front",
    f"0 to {int(100 * MOST_TOLERANCE)} %, which is {MOST_TOLERANCE}",
    lambda tolerance: 0 <= tolerance <= MOST_TOLERANCE,
)


@dataclass(frozen=True)
class StudyRequest(Checked):
    """The optimum for every limit on one or two metrics of the hardware.

    Parameters
    ----------
    network : Network
    architecture : Architecture
        Its budgets are kept; a range may lower them further.
    vary : tuple of Range
        One or two limits of :data:`optimizer.studies.metrics.STATIC`, or constraints to drop: ``constraint:`` and the
        text of a relation, or the name of a table.
    objective, padding, fusion, engine
        As of :class:`optimizer.problem.problem.Problem`.
    """

    network: Network
    architecture: Architecture
    vary: tuple[Range, ...]
    objective: str = "energy"
    padding: Padding = "none"
    fusion: Fusion | None = None
    engine: str = DEFAULT_ENGINE


@dataclass(frozen=True)
class FrontRequest(Checked):
    """The exact front in energy and latency over all hardware points and mappings, or a staircase over one of the two.

    Parameters
    ----------
    network : Network
    architecture : Architecture
        Its budgets are kept, but of power.
    vary : tuple of Range
        At most one static metric, a third one of the front; with `objective` also a limit on latency or energy.
    objective : {"energy", "latency", "edp"}, optional
        The staircase of this objective over the limits, instead of the front.
    tolerance : Fraction
        Of the front: every design is within 1 + tolerance of a reported one in energy and latency, on hardware that
        takes no more of the static metric.
    padding, engine
        As of :class:`optimizer.problem.problem.Problem`.
    """

    network: Network
    architecture: Architecture
    vary: tuple[Range, ...] = ()
    objective: str | None = None
    tolerance: Fraction = field(default=Fraction(0), metadata={RULE: _TOLERANCE})
    padding: Padding = "none"
    engine: str = DEFAULT_ENGINE
