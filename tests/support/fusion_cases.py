"""Tiny random networks, hardware with one buffer, and plans of fused groups as claims of the walk."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

from hypothesis import assume, reject
from hypothesis import strategies as st

from formulations.engines import Engine
from optimizer.architecture.hardware import Hardware, Level
from optimizer.errors import SpecError
from optimizer.fusion.group_pricer import GroupPricer
from optimizer.fusion.groups import groups
from optimizer.fusion.network_pricer import NetworkPricer
from optimizer.fusion.plan import Plan, RunChoice
from optimizer.fusion.tile_pricer import Runs
from optimizer.fusion.tilings import Cut
from optimizer.golden.group_claim import ClaimedRun, FusedClaim, RunKey
from optimizer.mapping.cost import Accounting
from optimizer.mapping.vector_cost import vector_cost
from optimizer.pricing.layer_pricer import Pricer
from optimizer.pricing.lowering import lift, lower
from optimizer.problem.goal import INFEASIBLE_COST
from optimizer.store.store import Store
from optimizer.workload.layer import ROLES, Layer, VectorLayer, conv, matmul
from optimizer.workload.network import Network
from optimizer.workload.nm_blocks import Sparsity
from optimizer.workload.sparsity import default_dim, sparsify
from optimizer.workload.views import IDENTITY, IDENTITY_WINDOW, WHOLE, Grid, View, Window

Draw = st.DrawFn


@dataclass(frozen=True)
class Tensor:
    """An activation: words per position on a grid, and the layer that computes it (None: an input)."""

    producer: str | None
    words: int
    grid: Grid


@dataclass(frozen=True)
class Case:
    """A network on a hardware point."""

    network: Network
    hardware: Hardware
    accounting: Accounting


def named(layer: Layer, weights: Tensor, data: Tensor) -> Layer:
    """The layer with tensors as its two factors."""
    w, i, o = layer.operands
    return replace(
        layer, operands=(replace(w, tensor=f"T_{weights.producer}"), replace(i, tensor=f"T_{data.producer}"), o)
    )


class Maker:
    """Appends random layers to a network."""

    def __init__(self, draw: Draw, largest: int, batch: int, *, chain: bool = False, wide: bool = False) -> None:
        self.chain, self.wide, self.widths = chain, wide, (2, 4, 8) if wide else (1, 2, 3)
        self.draw, self.network, self.tensors = draw, Network("random"), list[Tensor]()
        self.bits = draw(st.fixed_dictionaries({role: st.sampled_from([8, 8, 16]) for role in ROLES}))
        extent = st.sampled_from([n for n in (1, 2, 3, 4, 6, 8) if n <= largest])
        self.shape: Grid = (batch, draw(extent), draw(extent))

    def one_of(self, *values):
        return self.draw(st.sampled_from(values))

    @property
    def name(self) -> str:
        return "abcdefgh"[len(self.network.graph)]

    def source(self) -> Tensor:
        """A tensor to read: mostly of one of the latest layers, in a chain of the last one."""
        if self.chain and self.tensors:
            return self.tensors[-1]
        if self.tensors and self.one_of(True, True, True, True, True, False):
            return self.draw(st.sampled_from(self.tensors[-3:]))
        return Tensor(None, self.one_of(*self.widths), self.shape)

    def others(self, x: Tensor) -> list[Tensor]:
        """What may be read besides a tensor."""
        return [] if self.chain else [t for t in self.tensors if t.producer != x.producer]

    def put(self, layer: Layer | VectorLayer, words: int, reads: list[tuple[Tensor, View]]) -> None:
        """Append a layer; a view may lose windows, as where they are not known."""
        after = {x.producer: f"T_{x.producer}" for x, _ in reads if x.producer}
        views = {x.producer: self.blurred(view) for x, view in reads if x.producer}
        self.network.add(layer, after=after, views=views)
        self.tensors.append(Tensor(layer.name, words, layer.grid))

    def blurred(self, view: View) -> View:
        if self.one_of(*[False] * 7, True):
            keep = self.draw(st.tuples(*[st.booleans()] * 3))
            return tuple(window if known else None for window, known in zip(view, keep, strict=True))
        return view

    def window(self, extent: int, *, pool: bool = False) -> tuple[Window, int, int, int] | None:
        """Window, outputs, kernel and dilation along an axis."""
        kernel, stride, dilation = self.one_of(1, 3, 3, 2), self.one_of(1, 1, 1, 2), self.one_of(1, 1, 1, 2)
        dilation = 1 if pool else dilation
        reach = dilation * (kernel - 1) + 1
        before = self.draw(st.integers(0, reach - 1))
        outputs = (extent + before + self.draw(st.integers(0, before)) - reach) // stride + 1
        window = Window(stride, reach, before)
        return (window, outputs, kernel, dilation) if outputs > 0 and window.fits(outputs, extent) else None

    def windows(self, grid: Grid, *, pool: bool = False):
        """Windows along rows and columns."""
        whole = (IDENTITY_WINDOW, 0, 1, 1)
        down, across = (self.window(extent, pool=pool) or (*whole[:1], extent, *whole[2:]) for extent in grid[1:])
        return down, across

    def convolution(self) -> None:
        """A convolution, grouped one by one or not."""
        x = self.source()
        (down, p, r, dr), (across, q, s, ds) = self.windows(x.grid)
        depthwise = self.one_of(True, False, False)
        filters = self.one_of(*self.widths)
        dims = {"N": x.grid[0], "P": p, "Q": q, "R": r, "S": s}
        dims |= {"G": x.words} if depthwise else {"K": filters, "C": x.words}
        needed = {"P", "Q", "G"} if depthwise else {"P", "Q", "K", "C"}
        dims = {dim: extent for dim, extent in dims.items() if extent > 1 or dim in needed or self.one_of(True, False)}
        layer = conv(
            self.name,
            dims,
            stride=(down.stride, across.stride),
            dilation=(dr, ds),
            bits=self.bits,
            kind="dwconv" if depthwise else "conv",
        )
        words = x.words if depthwise else filters
        self.put(layer, words, [(x, (IDENTITY_WINDOW, down, across))])

    def vector(self, x: list[Tensor], words: int, grid: Grid, views: list[View]) -> None:
        """A vector layer; maybe with a constant."""
        reads = [(t.words * math.prod(t.grid), self.bits["I"]) for t in x]
        reads += [(self.one_of(1, 5), self.bits["W"])] if self.one_of(True, False, False) else []
        size = words * math.prod(grid)
        layer = VectorLayer(
            self.name,
            "vector",
            tuple(reads),
            ((size, self.bits["O"]),),
            self.draw(st.integers(0, 4)) * size + 1,
            grid=grid,
        )
        self.put(layer, words, list(zip(x, views, strict=True)))

    def pool(self) -> None:
        """Windows without weights."""
        x = self.source()
        (down, p, _, _), (across, q, _, _) = self.windows(x.grid, pool=True)
        self.vector([x], x.words, (x.grid[0], p, q), [(IDENTITY_WINDOW, down, across)])

    def crop(self) -> None:
        """A tensor without its first rows."""
        x = self.source()
        cut = self.draw(st.integers(0, x.grid[1] - 1))
        self.vector(
            [x],
            x.words,
            (x.grid[0], x.grid[1] - cut, x.grid[2]),
            [(IDENTITY_WINDOW, Window(before=-cut), IDENTITY_WINDOW)],
        )

    def stack(self) -> None:
        """Learned rows put before a tensor."""
        x = self.source()
        more = self.one_of(1, 2)
        self.vector(
            [x],
            x.words,
            (x.grid[0], x.grid[1] + more, x.grid[2]),
            [(IDENTITY_WINDOW, Window(before=more), IDENTITY_WINDOW)],
        )

    def summary(self) -> None:
        """One position for all rows and columns, or for all columns."""
        x = self.source()
        if self.one_of(True, False):
            self.vector([x], x.words, (x.grid[0], 1, 1), [(IDENTITY_WINDOW, None, None)])
        else:
            self.vector([x], x.words, x.grid, [(IDENTITY_WINDOW, IDENTITY_WINDOW, None)])

    def join(self) -> None:
        """A sum, or channels put side by side."""
        x = self.source()
        others = [t for t in self.others(x) if t.grid == x.grid]
        y = self.draw(st.sampled_from(others)) if others else Tensor(None, x.words, x.grid)
        words = x.words + y.words if x.words != y.words or self.one_of(True, False) else x.words
        self.vector([x, y], words, x.grid, [IDENTITY, IDENTITY])

    def product(self) -> None:
        """A matrix product, with weights or of two activations; rows of the result are rows of the first."""
        x = self.source()
        if x.grid[2] > 1:
            return self.flat()
        batch, rows, _ = x.grid
        others = [t for t in self.others(x) if t.grid[0] == batch and t.grid[2] == 1]
        fits = [t for t in others if x.words in (t.words, t.grid[1])]
        y = self.draw(st.sampled_from(fits)) if fits and self.one_of(True, True, False) else None
        n = self.one_of(*self.widths) if y is None else y.grid[1] if y.words == x.words else y.words
        dims = ({"B": batch} if batch > 1 or self.one_of(True, False) else {}) | {"M": rows, "N": n, "K": x.words}
        layer = matmul(self.name, dims, bits=self.bits)
        if y is not None:
            layer = replace(named(layer, y, x), parameters=0)
        reads = [(x, IDENTITY)] + ([] if y is None else [(y, (IDENTITY_WINDOW, None, None))])
        return self.put(layer, n, reads)

    def flat(self) -> None:
        """A matrix product of a tensor that is read as a whole."""
        x = self.source()
        n = self.one_of(1, 2)
        layer = matmul(self.name, {"M": 1, "N": n, "K": x.words * math.prod(x.grid)}, bits=self.bits)
        self.put(layer, n, [(x, WHOLE)])

    def odd(self) -> None:
        """A layer that reads one or two tensors through any windows that fit."""
        x, grid = self.source(), (self.shape[0], self.one_of(1, 2, 4, 6), self.one_of(1, 1, 2, 4))
        layer = conv(self.name, {"N": grid[0], "C": x.words, "P": grid[1], "Q": grid[2]}, bits=self.bits)
        reads = [(x, self.odd_view(x.grid, grid))]
        if self.others(x):
            y = self.draw(st.sampled_from(self.others(x)))
            layer = named(layer, y, x)
            reads.append((y, self.odd_view(y.grid, grid)))
        self.put(layer, 1, reads)

    def odd_view(self, grid: Grid, outputs: Grid) -> View:
        """Any windows that fit; in the batch only the same sample."""
        found: list[Window | None] = [IDENTITY_WINDOW if grid[0] == outputs[0] else None]
        for axis in (1, 2):
            window = self.draw(st.builds(Window, st.integers(1, 3), st.integers(1, 4), st.integers(-2, 4)))
            found.append(window if window.fits(outputs[axis], grid[axis]) else None)
        return found[0], found[1], found[2]

    def append(self) -> None:
        """Any layer."""
        if self.wide:
            return self.draw(st.sampled_from([self.convolution, self.product]))()
        kinds = [self.convolution] * 5 + [self.pool, self.join, self.join, self.product, self.product, self.summary]
        return self.draw(st.sampled_from([*kinds, self.crop, self.stack, self.odd, self.odd]))()


@st.composite
def networks(
    draw: Draw,
    sizes: tuple[int, int] = (2, 5),
    largest: int = 8,
    batch: int = 2,
    *,
    chain: bool = False,
    wide: bool = False,
) -> Network:
    """A network of so many layers; in a chain each reads the one before, and no other; wide ones have many channels."""
    maker = Maker(draw, largest, draw(st.sampled_from([1, batch])), chain=chain, wide=wide)
    count = draw(st.integers(*sizes))
    if draw(st.booleans()):
        maker.shape = (*maker.shape[:2], 1)
    while len(maker.network.graph) < count:
        maker.append()
    return maker.network


@st.composite
def hardware(draw: Draw, *, bypass: bool = True) -> Hardware:
    """Two or three levels, of which level 1 is one buffer."""
    depth = draw(st.sampled_from([2, 2, 3]))
    grow = st.sampled_from([(1, 1), (2, 1), (2, 2)])
    width, mesh = draw(grow), (1, 1)
    leaky = draw(st.booleans())
    bandwidth = st.sampled_from([None, Fraction(8), Fraction(16), Fraction(20, 3)])
    levels = []
    for number in range(depth):
        roles = draw(st.permutations(ROLES))
        cut = sorted((draw(st.integers(0, 3)), draw(st.sampled_from([2, 3, 3, 3]))))
        free = number == 0 or (number == 1 and not bypass)
        mesh = width if number == 2 else (1, 1)
        size = draw(st.sampled_from([256, 512, 1024, 2048, 8192])) if number == 1 else draw(st.sampled_from([32, 96]))
        levels.append(
            Level(
                f"L{number}",
                None if number == 0 or draw(st.integers(0, 7)) == 0 else size,
                mesh,
                draw(st.sampled_from([8, 16, 24, 64])),
                draw(st.integers(0, 5)) + (40, 6, 1)[number],
                draw(st.integers(0, 9)),
                draw(st.integers(0, 9)) + (30, 0, 0)[number],
                leak_energy=draw(st.integers(0, 3)) if leaky else 0,
                read_bits_per_cycle=draw(bandwidth),
                write_bits_per_cycle=draw(bandwidth),
                shared_bits_per_cycle=draw(bandwidth),
                must_keep=frozenset(ROLES) if number == 0 else frozenset() if free else frozenset(roles[: cut[0]]),
                must_bypass=frozenset() if free else frozenset(roles[cut[1] :]),
                buffering=draw(st.sampled_from([1, 1, 2])),
            )
        )
    more = draw(grow)
    return Hardware(
        tuple(levels),
        (mesh[0] * more[0], mesh[1] * more[1]),
        draw(st.integers(0, 3)),
        vector_lanes=draw(st.sampled_from([1, 4])),
        vector_energy=draw(st.integers(0, 2)),
    )


@st.composite
def cases(
    draw: Draw,
    *,
    sizes: tuple[int, int] = (2, 5),
    largest: int = 8,
    chain: bool = False,
    bypass: bool = True,
    wide: bool = False,
    sparse: bool = False,
) -> Case:
    """A network, hardware and accounting; with `sparse` some layer is in N:M blocks."""
    network = draw(networks(sizes, largest, chain=chain, wide=wide))
    machine = draw(hardware(bypass=bypass))
    if sparse:
        assume(any(layer.parameter_count and default_dim(layer, "W") for layer in network.mac_layers()))
        machine = replace(machine, sparsity=Sparsity(draw(st.sampled_from(["skip", "gate"]))))
        try:
            network = sparsify(network, draw(st.sampled_from(["1:2", "1:2", "1:4", "2:4"])))
        except SpecError:
            reject()
    return Case(network, machine, draw(st.sampled_from(["timeloop", "looptree"])))


def claim_of(plan: Plan, case: Case) -> FusedClaim:
    """What a plan claims."""
    runs = {}
    for run in plan.runs:
        layer = case.network.graph.nodes[run.shape.layer]["layer"]
        extents = dict(run.shape.extents)
        part = replace(layer, dims=tuple((dim, extents.get(dim, extent)) for dim, extent in layer.dims))
        problem = lower(
            part,
            case.hardware,
            accounting=case.accounting,
            pinned=run.pinned,
            room_bits=run.room_bits,
            resumes=run.shape.resumes,
        )
        assert run.price.solution is not None
        room = None if run.room_bits >= INFEASIBLE_COST else run.room_bits
        mapping = lift(part, problem, run.price.solution)
        runs[run.shape.layer, run.shape.extents, run.shape.resumes] = ClaimedRun(mapping, run.shape.count, room)
    return claim_by(plan.members, plan.cut, plan.choice, runs)


def claim_by(members: tuple[str, ...], cut: Cut, choice: RunChoice, runs: dict[RunKey, ClaimedRun]) -> FusedClaim:
    """A claim with a plan's decisions."""
    slices = choice.slices
    return FusedClaim(
        members,
        cut.parts,
        cut.halo,
        runs,
        choice.resident,
        choice.held,
        dict(choice.strips),
        *(() if slices is None else (slices.chain, slices.number, slices.gathers)),
    )


def network_pricer(case: Case, most: int = 8, engine: Engine | None = None) -> NetworkPricer:
    """The search for the best groups of at most so many layers."""
    store = Store(None)
    runs = Runs(case.accounting, store, engine=engine)
    alone = {layer.name: Pricer(layer, 1, case.accounting, {}, store, engine) for layer in case.network.mac_layers()}
    pricers = [GroupPricer(group, runs) for group in groups(case.network, most)]
    return NetworkPricer(
        case.network, alone, pricers, runs, lambda layer, machine: vector_cost(layer, machine, case.accounting)
    )
