"""The other tasks of the Python interface: each a thin wrapper around a request, options and a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from optimizer.architecture.architecture import Architecture
from optimizer.files.arguments import check_arguments
from optimizer.problem.fusion_options import Fusion
from optimizer.problem.space import Padding, engine_named
from optimizer.results.kinds import AdjustResult, CodesignResult, MemoryResult, SparseResult, StudyResult
from optimizer.workload.network import Network

if TYPE_CHECKING:
    from formulations.networks.checkpoint_search import MemoryLimits
    from optimizer.multi_network.request import Member
    from optimizer.network_adjustment.request import WidthChanges
    from optimizer.recompute.costs import RecomputeCosts
    from optimizer.scaling.pool import Pool
    from optimizer.sparse_engine.request import SizingRequest
    from optimizer.studies.metrics import Range


from optimizer.api import Folder, ProgressArgument, run_options

__all__ = ["adjust", "codesign", "front", "plan_memory", "size_engine", "study"]


def codesign(
    members: Iterable[Member | Network],
    architecture: Architecture,
    *,
    aggregate: str = "geomean",
    relative: bool = False,
    objective: str = "energy",
    padding: Padding = "none",
    fusion: Fusion | None = None,
    engine: str = "auto",
    time_limit_s: float | None = None,
    workers: int = 2,
    seed: int = 0,
    cache_dir: Folder | None = None,
    pool: Pool | None = None,
    progress: ProgressArgument = None,
) -> CodesignResult:
    """Best hardware for several networks, each with its own best mappings, with a proof.

    Parameters
    ----------
    members : iterable of Member or Network
        Networks, with weights and caps of their own where they are members; their names differ.
    architecture : Architecture
        Its budgets hold for every network.
    aggregate : {"geomean", "weighted", "max"}
        What is minimized, of the objectives of the networks.
    relative : bool
        Divide every objective by the best that the network has by itself (``weighted`` and ``max``).
    pool : Pool, optional
        Runs the work in other processes.
    objective, padding, fusion, engine, time_limit_s, workers, seed, cache_dir, progress
        As for :func:`solve`; the time limit is that of the whole run.

    Raises
    ------
    SpecError
        On inputs that make no sense.
    """
    from optimizer.multi_network.request import CodesignRequest, Member  # noqa: PLC0415
    from optimizer.multi_network.run import run  # noqa: PLC0415

    check_arguments(architecture=(architecture, Architecture))
    asked = tuple(Member(one) if isinstance(one, Network) else one for one in _listed("members", members))
    request = CodesignRequest(asked, architecture, aggregate, relative, objective, padding, fusion)
    return run(
        replace(request, engine=engine_named(engine)),
        run_options(time_limit_s, workers, seed, cache_dir, progress, pool),
    )


def study(
    network: Network,
    architecture: Architecture,
    vary: Sequence[Range],
    *,
    objective: str = "energy",
    padding: Padding = "none",
    fusion: Fusion | None = None,
    engine: str = "auto",
    time_limit_s: float | None = None,
    workers: int = 2,
    seed: int = 0,
    cache_dir: Folder | None = None,
    pool: Pool | None = None,
    progress: ProgressArgument = None,
) -> StudyResult:
    """The optimum for every limit in one or two ranges, every step with its proof.

    Parameters
    ----------
    network : Network
    architecture : Architecture
        Its budgets are kept; a range may lower them further.
    vary : sequence of Range
        One or two of area-mm2, dram-gbps, buffer-kib, storage-kib; limits on latency or energy: :func:`front`.
    pool : Pool, optional
        Runs the work in other processes.
    objective, padding, fusion, engine, time_limit_s, workers, seed, cache_dir, progress
        As for :func:`solve`.

    Returns
    -------
    StudyResult
        The best design under the loosest limits, and all steps.

    Raises
    ------
    SpecError
        On inputs that make no sense.
    """
    from optimizer.studies.request import StudyRequest  # noqa: PLC0415
    from optimizer.studies.run import run  # noqa: PLC0415

    check_arguments(network=(network, Network), architecture=(architecture, Architecture))
    return run(
        StudyRequest(network, architecture, _listed("vary", vary), objective, padding, fusion, engine_named(engine)),
        run_options(time_limit_s, workers, seed, cache_dir, progress, pool),
    )


def front(
    network: Network,
    architecture: Architecture,
    vary: Sequence[Range] = (),
    *,
    objective: str | None = None,
    tolerance: Fraction | float = 0,
    padding: Padding = "none",
    engine: str = "auto",
    time_limit_s: float | None = None,
    workers: int = 2,
    seed: int = 0,
    cache_dir: Folder | None = None,
    progress: ProgressArgument = None,
) -> StudyResult:
    """The front in energy and latency over all hardware points and mappings, exact or within a tolerance, proved.

    Parameters
    ----------
    network : Network
    architecture : Architecture
        Its budgets are kept, but of power.
    vary : sequence of Range
        At most one metric of the hardware, a third one of the front; with `objective` also latency-ms or energy-mj.
    objective : {"energy", "latency", "edp"}, optional
        The staircase of this objective over the limits, instead of the front.
    tolerance : Fraction or float
        Every design is within 1 + tolerance of a reported one in energy and latency; 0: exact.
    padding, engine, time_limit_s, workers, seed, cache_dir, progress
        As for :func:`solve`.

    Raises
    ------
    SpecError
        On inputs that make no sense, or if the exact front is too large.
    """
    from optimizer.studies.request import FrontRequest  # noqa: PLC0415
    from optimizer.studies.run_front import run  # noqa: PLC0415

    check_arguments(network=(network, Network), architecture=(architecture, Architecture))
    check_arguments(tolerance=(tolerance, Fraction | float))
    exact = tolerance if isinstance(tolerance, Fraction) else Fraction(str(tolerance))
    return run(
        FrontRequest(network, architecture, _listed("vary", vary), objective, exact, padding, engine_named(engine)),
        run_options(time_limit_s, workers, seed, cache_dir, progress),
    )


def adjust(
    network: Network,
    architecture: Architecture,
    changes: WidthChanges | None = None,
    *,
    objective: str = "energy",
    engine: str = "auto",
    time_limit_s: float | None = None,
    workers: int = 2,
    seed: int = 0,
    cache_dir: Folder | None = None,
    progress: ProgressArgument = None,
) -> AdjustResult:
    """Channel widths and input resolution that cost least on an architecture, the network's size nearly kept; proved.

    Parameters
    ----------
    network : Network
    architecture : Architecture
        Budgets of area, off-chip bandwidth and a device's resources are kept.
    changes : WidthChanges, optional
        What may change, and how far.
    objective, engine, time_limit_s, workers, seed, cache_dir, progress
        As for :func:`solve`.

    Raises
    ------
    SpecError
        On inputs that make no sense, and budgets of latency, energy or power.
    """
    from optimizer.network_adjustment.request import AdjustRequest, WidthChanges  # noqa: PLC0415
    from optimizer.network_adjustment.run import run  # noqa: PLC0415

    check_arguments(network=(network, Network), architecture=(architecture, Architecture))
    return run(
        AdjustRequest(network, architecture, changes or WidthChanges(), objective, engine_named(engine)),
        run_options(time_limit_s, workers, seed, cache_dir, progress),
    )


def plan_memory(
    network: Network,
    *,
    goal: Literal["overhead", "peak"] | None = "overhead",
    limits: MemoryLimits | None = None,
    reserve_bits: int = 0,
    costs: RecomputeCosts | None = None,
    recompute: bool = True,
    time_limit_s: float | None = None,
    workers: int = 2,
    seed: int = 0,
) -> MemoryResult:
    """Memory of a training step over time, and which saved activations to keep or to compute again, proved.

    Parameters
    ----------
    network : Network
        A training step (``load(name, training="adam")``).
    goal : {"overhead", "peak"}, optional
        What is minimized; None chooses nothing and keeps all.
    limits : Limits, optional
        Caps on the peak off chip (bits) and on the overhead (in the costs' unit).
    reserve_bits : int
        On-chip memory for kept activations.
    costs : Costs, optional
        What layers cost; by default operations.
    recompute : bool
        Whether anything may be computed again.
    time_limit_s, workers, seed
        As for :func:`solve`.
    """
    from formulations.networks.checkpoint_search import NO_LIMITS  # noqa: PLC0415
    from optimizer.recompute.request import MemoryRequest  # noqa: PLC0415
    from optimizer.recompute.result import run  # noqa: PLC0415

    request = MemoryRequest(network, goal, limits or NO_LIMITS, reserve_bits, costs, recompute)
    return run(request, run_options(time_limit_s, workers, seed, None, None))


def size_engine(
    request: SizingRequest,
    objective: str | None = None,
    *,
    time_limit_s: float | None = None,
    workers: int = 2,
    seed: int = 0,
) -> SparseResult:
    """Best sparse training engine under budgets, with a proof; or what excludes every engine.

    Parameters
    ----------
    request : SizingRequest
        Neurons, degrees, widths, multipliers, rules and budgets.
    objective : {"time", "density", "dsp", "bram18", "lut", "input_bits"}, optional
        In place of the request's: least time per input, most density, or least of a resource.
    time_limit_s, workers, seed
        As for :func:`solve`.
    """
    from optimizer.sparse_engine.request import SizingRequest  # noqa: PLC0415
    from optimizer.sparse_engine.sizing import run  # noqa: PLC0415

    check_arguments(request=(request, SizingRequest))
    asked = request if objective is None else replace(request, objective=objective)
    return run(asked, run_options(time_limit_s, workers, seed, None, None))


def _listed(name: str, given: Iterable[Any]) -> tuple[Any, ...]:
    """What an argument lists; its parts are checked where the request is made."""
    check_arguments(**{name: (given, Iterable)})
    return tuple(given)
