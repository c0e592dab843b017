"""Tiny random layers and hardware for tests of exactness."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from hypothesis import assume
from hypothesis import strategies as st

from formulations.problem import LayerProblem
from optimizer.architecture.hardware import Hardware, Level
from optimizer.mapping.cost import Accounting, LayerCost, evaluate
from optimizer.mapping.mapping import Mapping
from optimizer.pricing.lowering import lower
from optimizer.training.contractions import second_gradient
from optimizer.workload.layer import ROLES, Axis, Layer, conv, matmul
from optimizer.workload.nm_blocks import Block, Sparsity
from optimizer.workload.sparsity import compress


@dataclass(frozen=True)
class Case:
    layer: Layer
    hardware: Hardware
    accounting: Accounting
    pinned: frozenset[str] = frozenset()
    room_bits: int | None = None
    resumes: bool = False

    @property
    def problem(self) -> LayerProblem:
        return lower(
            self.layer,
            self.hardware,
            accounting=self.accounting,
            pinned=self.pinned,
            room_bits=self.room_bits,
            resumes=self.resumes,
        )

    def cost(self, mapping: Mapping) -> LayerCost:
        """By the cost model."""
        return evaluate(self.layer, self.hardware, mapping, accounting=self.accounting, resumes=self.resumes)


def _dims(names: str, sizes: list[int]) -> st.SearchStrategy[dict[str, int]]:
    return st.fixed_dictionaries({name: st.sampled_from(sizes) for name in names})


@st.composite
def layers(draw: st.DrawFn, halo: bool, small: bool) -> Layer:
    """A layer of a few prime factors: a product, a convolution, or the gradient of a convolution's weights."""
    sizes = [1, 2, 2, 3] if small else [1, 2, 3, 4, 6]
    bits = draw(st.fixed_dictionaries({role: st.sampled_from([8, 16]) for role in ROLES}))
    if not halo:
        names = draw(st.sampled_from(["MNK", "BMNK"]))
        return matmul("layer", draw(_dims(names, sizes)), bits=bits)
    kind = draw(st.sampled_from(["1d", "1d", "2d", "dw", "stride", "point"]))
    names = {"1d": "KCPR", "2d": "KPQRS", "dw": "GPQR", "stride": "NKCP", "point": "NKCPQ"}[kind]
    dims = draw(_dims(names, sizes)) | draw(_dims("P", [2, 3, 4] if small else [3, 4, 6, 8]))
    if "R" in names:
        dims["R"] = draw(st.sampled_from([2, 3]))
    stride, dilation = draw(st.sampled_from([1, 1, 2, 3])), draw(st.sampled_from([1, 1, 2]))
    if kind == "stride":
        stride = 2
    if kind == "point":
        stride = draw(st.sampled_from([1, 1, 2]))
    layer = conv("layer", dims, stride=(stride, 1), dilation=(dilation, 1), bits=bits)
    if draw(st.sampled_from([False, False, True])):
        return second_gradient(layer, "layer", gradient=("gradient", bits["O"]), bits=bits["W"]).layer
    return layer


@st.composite
def in_blocks(draw: st.DrawFn, layer: Layer) -> Layer:
    """The layer with as many blocks along some dim as it had elements; any operand may be the sparse one."""
    plain = [
        dim
        for dim, _ in layer.dims
        if not any(
            dim in dict(axis.terms) and axis != Axis(((dim, 1),)) for operand in layer.operands for axis in operand.axes
        )
    ]
    dim = draw(st.sampled_from(plain))
    role = draw(st.sampled_from([operand.role for operand in layer.operands if dim in operand.dims]))
    kept, size = draw(st.sampled_from([(1, 2), (1, 4), (2, 3), (2, 4), (3, 4)]))
    grown = tuple((d, extent * size if d == dim else extent) for d, extent in layer.dims)
    return compress(replace(layer, dims=grown), Block(dim, kept, size, role))


@st.composite
def hardware(draw: st.DrawFn, layer: Layer, depth: int, fixed_keep: bool) -> Hardware:
    """Levels with every feature that costs depend on."""
    mesh = (1, 1)
    levels = []
    leaky = draw(st.booleans())
    sizes = [24, 48, 96, 160, 320] if layer.block is None else [48, 96, 160, 320, 640]
    for number in range(depth):
        roles = draw(st.permutations(ROLES))
        cut = sorted((draw(st.integers(0, 3)), draw(st.integers(0, 3))))
        must_keep, must_bypass = frozenset(roles[: cut[0]]), frozenset(roles[cut[1] :])
        if fixed_keep and number:
            must_bypass = frozenset(ROLES) - must_keep
        restricted = draw(st.booleans())
        names = tuple(layer.extents)
        bandwidth = st.sampled_from([None, None, Fraction(8), Fraction(16), Fraction(20, 3)])
        levels.append(
            Level(
                f"L{number}",
                draw(st.sampled_from(sizes)) if number else None,
                mesh,
                draw(st.sampled_from([8, 16, 24, 64])),
                draw(st.sampled_from([0, 3, 7])) + 9 * (depth - number),
                draw(st.integers(0, 9)),
                draw(st.integers(0, 9)),
                leak_energy=draw(st.integers(0, 3)) if leaky else 0,
                read_bits_per_cycle=draw(bandwidth),
                write_bits_per_cycle=draw(bandwidth),
                shared_bits_per_cycle=draw(bandwidth),
                must_keep=must_keep if number else frozenset(ROLES),
                must_bypass=must_bypass if number else frozenset(),
                spatial_x=draw(st.lists(st.sampled_from(names), unique=True).map(tuple)) if restricted else None,
                spatial_y=draw(st.lists(st.sampled_from(names), unique=True).map(tuple)) if restricted else None,
            )
        )
        grow = draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (2, 3), (4, 2)]))
        mesh = (mesh[0] * grow[0], mesh[1] * grow[1])
    sparsity = None if layer.block is None else Sparsity(draw(st.sampled_from(["skip", "gate"])))
    return Hardware(tuple(levels), mesh, draw(st.integers(0, 3)), sparsity=sparsity)


@st.composite
def cases(
    draw: st.DrawFn,
    *,
    halo: bool | None = None,
    depths: tuple[int, ...] = (2, 2, 3),
    small: bool = False,
    fixed_keep: bool = False,
    pins: bool = False,
    sparse: bool = False,
) -> Case:
    """A layer, hardware of as many levels as one of `depths`, and accounting.

    With `pins` maybe pinned tensors and partial sums from before; with `sparse` a layer in N:M blocks.
    """
    layer = draw(layers(draw(st.booleans()) if halo is None else halo, small))
    if sparse:
        layer = draw(in_blocks(layer))
    depth = draw(st.sampled_from(depths))
    machine = draw(hardware(layer, depth, fixed_keep))
    pinned = frozenset(draw(st.sampled_from(["", "", "W", "I", "O", "WI", "IO", "WIO"]))) if pins else frozenset()
    room = draw(st.sampled_from([0, 24, 96])) if pinned else None
    if pinned:
        assume(machine.fanout(0) == (1, 1) and not machine.levels[1].must_bypass & pinned)
    accounting = draw(st.sampled_from(["timeloop", "looptree"]))
    return Case(layer, machine, accounting, pinned, room, pins and draw(st.booleans()))
