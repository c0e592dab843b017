"""The search for widths at every resolution asked for.

Each resolution is a network of its own, with the same classes of widths, and an exploration of its own over hardware
points. The incumbent of the earlier ones is the cutoff of a later one, so most of them are closed by their bounds. The
overall bound is the least of their bounds. Under a time limit each resolution gets an equal part of the time left.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction

from optimizer.architecture.boxes import size
from optimizer.architecture.hardware import Hardware
from optimizer.network_adjustment.pricer import PricingEffort, WidthPricer
from optimizer.network_adjustment.request import WidthChanges
from optimizer.network_adjustment.resolution import Image, at_resolution, image_of
from optimizer.network_adjustment.space import WidthSpace
from optimizer.network_adjustment.ties import Ties
from optimizer.pricing.integer_range import check_magnitude
from optimizer.pricing.path_range import check_path_range
from optimizer.problem.goal import Aim
from optimizer.problem.progress import Progress, Watch
from optimizer.results.totals import unit_value
from optimizer.search.branch_and_bound import Explorer
from optimizer.search.exploration import Exploration
from optimizer.search.incumbents import Best
from optimizer.search.network_bounds import NetworkBounds
from optimizer.search.prepared_problem import PreparedProblem
from optimizer.store.store import Store
from optimizer.workload.network import Network


@dataclass(frozen=True)
class Size:
    """One resolution (None: it was not asked for others): the network at it, its space, and the outcome."""

    image: Image | None
    network: Network
    space: WidthSpace
    state: Exploration
    effort: PricingEffort


class SizeSearch:
    """Searches the resolutions of a request one after the other.

    Parameters
    ----------
    prepared : PreparedProblem
        Of the network as it is.
    ties : Ties
    request : WidthChanges
    store : Store
    workers, seed : int
    started : float
        When the run began (``time.perf_counter``), for its progress.
    show : callable, optional
    """

    def __init__(
        self,
        prepared: PreparedProblem,
        ties: Ties,
        request: WidthChanges,
        *,
        store: Store,
        workers: int,
        seed: int,
        started: float,
        show: Watch | None = None,
    ) -> None:
        self._prepared, self._ties, self._request, self._store = prepared, ties, request, store
        self._workers, self._seed, self._started, self._show = workers, seed, started, show

    def run(self, deadline: float | None) -> list[Size]:
        """All resolutions; the network's own comes first.

        Raises
        ------
        SpecError
            If the network cannot be built at a resolution.
        """
        networks = self._networks()
        spaces = [WidthSpace(n, self._ties, self._request, self._prepared.network) for _, n in networks]
        prepared = self._prepared
        points = prepared.points.samples() or [prepared.points.some]
        layers = [(layer, layer.extents) for space in spaces for layer in space.mac_layers()]
        if prepared.engine == "path":
            largest = {layer.name: (layer, extents) for layer, extents in sorted(layers, key=lambda each: each[0].macs)}
            check_path_range(list(largest.values()), points, prepared.accounting, prepared.network.file)
        else:
            check_magnitude(layers, points, prepared.accounting, prepared.architecture.file, prepared.network.file)
        sizes: list[Size] = []
        for (image, network), space in zip(networks, spaces, strict=True):
            end = None
            if deadline is not None:
                now = time.perf_counter()
                end = now + (deadline - now) / (len(networks) - len(sizes))
            known = [found.state.value for found in sizes if found.state.value is not None]
            state, effort = self._explore(image, space, min(known, default=None), end)
            sizes.append(Size(image, network, space, state, effort))
            if not state.complete and (end is None or time.perf_counter() < end):
                deadline = time.perf_counter()  # Ctrl-C: the others are not searched either
        return sizes

    def _networks(self) -> list[tuple[Image | None, Network]]:
        network = self._prepared.network
        if not self._request.resolutions:
            return [(None, network)]
        own = image_of(network)
        images = sorted(self._request.resolutions, key=lambda image: image != own)
        return [(image, at_resolution(network, image)) for image in images]

    def _explore(
        self, image: Image | None, space: WidthSpace, cutoff: Fraction | None, deadline: float | None
    ) -> tuple[Exploration, PricingEffort]:
        prepared = self._prepared
        watch = None if self._show is None else _Watch(prepared, self._started, self._show, image).round
        pricer = WidthPricer(
            space,
            prepared.accounting,
            self._store,
            workers=self._workers,
            seed=self._seed,
            watch=watch,
            engine=prepared.engine,
        )
        explorer = Explorer(
            [NetworkBounds([pricer], prepared.goal, lambda hardware: (0, 0))],
            prepared.points,
            prepared.area_cap_um2,
            workers=self._workers,
            limits=prepared.resource_caps,
            incumbents=Best(cutoff),
        )
        return explorer.run(deadline=deadline), pricer.effort


def best_of(sizes: list[Size]) -> Size:
    """The resolution of the best design, the first of equals; the first of all if there is no design."""
    found = [entry for entry in sizes if entry.state.value is not None]
    return min(found, key=lambda entry: entry.state.value or Fraction(0), default=sizes[0])


def merged(sizes: list[Size]) -> Exploration:
    """All resolutions as one exploration: the best design, every closed box, the least bound."""
    best = best_of(sizes).state
    closed = [entry for each in sizes for entry in each.state.closed]
    complete = all(each.state.complete for each in sizes)
    total = sum(each.state.total for each in sizes)
    found = Exploration(best.goal, total, best.incumbents, best.started, closed, complete=complete)
    found.settle()
    return found


class _Watch:
    """Hands rounds of the search to a progress callback."""

    def __init__(self, prepared: PreparedProblem, started: float, show: Watch, image: Image | None) -> None:
        self._started, self._show, self._image = started, show, image
        self._plain = size(prepared.points.whole) == 1 and image is None
        self._objective = prepared.goal.objective

    def round(self, hardware: Hardware, aim: Aim, value: int | None, bound: int, effort: PricingEffort) -> None:
        """One round: values of the aim, which is the objective but for EDP."""
        unit, worth = unit_value(aim.objective, hardware)
        gap = None if not value else max(0.0, (value - bound) / value)
        plain = self._plain and self._objective == aim.objective
        where = "" if self._image is None else "{} x {}, ".format(*self._image)
        priced = f"{effort.priced} of {effort.layers} layers priced in {effort.rounds} rounds"
        self._show(
            Progress(
                elapsed_s=time.perf_counter() - self._started,
                incumbent=float(value * worth) if plain and value is not None else None,
                bound=float(bound * worth) if plain else None,
                gap=gap if plain else None,
                message=f"{where}widths: {priced}",
                unit=unit,
            )
        )
