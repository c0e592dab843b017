"""All adjusted networks as tables: every layer at every width that its channels may take.

The cost of a network is a sum over its layers, and a layer depends on the channels that it reads and writes: on one
or two *axes*. So a table over each pair of axes holds, entry by entry, the layers that depend on it. A concatenation,
which reads several sums of widths, is taken apart: every read costs energy by itself, and its write and its cycles
depend on the total alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from formulations.networks.widths import Pairing, Table, Values, WidthProblem
from optimizer.network_adjustment.bottlenecks import candidates_of, find_bottlenecks, ratio_of
from optimizer.network_adjustment.request import WidthChanges
from optimizer.network_adjustment.sizes import Form, Shape, with_widths
from optimizer.network_adjustment.ties import Ties, channels
from optimizer.workload.layer import AnyLayer, Layer, VectorLayer
from optimizer.workload.network import Network


@dataclass(frozen=True)
class Piece:
    """A layer, or a part of a vector layer, with its number of runs; whether its energy and its cycles count."""

    layer: AnyLayer
    runs: int
    energy: bool = True
    latency: bool = True


@dataclass(frozen=True)
class _Part:
    """Layers that depend on the same channels: the original layer, its shape, which of its costs count."""

    layer: AnyLayer
    shape: Shape
    energy: bool = True
    latency: bool = True


class WidthSpace:
    """The adjusted networks of a request.

    Parameters
    ----------
    network : Network
    ties : Ties
    request : WidthChanges
    original : Network, optional
        The network that parameters and multiply-accumulates are compared with, where it is another one.

    Attributes
    ----------
    bottlenecks : tuple of Bottleneck
        Those whose ratios are asked for.
    free : tuple of int
        Classes that have several candidates, or are hidden in a bottleneck; those of the program, in its order.
    problem : WidthProblem
    pieces : list of list of list of Piece
        Per table, per entry: what it is made of.
    fixed : list of Piece
        Layers that no width changes.
    least_macs : int
        Least multiply-accumulates allowed.
    start, start_widths : tuple of int
        Entries that the network reads as it is (none where it is not allowed itself), and its free widths.
    """

    def __init__(self, network: Network, ties: Ties, request: WidthChanges, original: Network | None = None) -> None:
        self.ties = ties
        self.bottlenecks = find_bottlenecks(network, ties) if request.expansion else ()
        self.candidates = (
            candidates_of(ties, self.bottlenecks, request)
            if request.expansion
            else tuple(map(request.candidates, ties.classes))
        )
        hidden = {pair.hidden for pair in self.bottlenecks}
        self.free = tuple(n for n, widths in enumerate(self.candidates) if len(widths) > 1 or n in hidden)
        self._place = {number: place for place, number in enumerate(self.free)}
        groups: dict[tuple[Values, ...], list[_Part]] = {}
        for layer in network.layers():
            for part in _parts(layer, ties.shapes[layer.name]):
                groups.setdefault(self._axes(part.shape), []).append(part)
        self.fixed = [Piece(p.layer, p.layer.multiplicity, p.energy, p.latency) for p in groups.pop((), [])]
        axes = list(dict.fromkeys(axis for key in groups for axis in key))
        bare = WidthProblem(tuple(self.candidates[n] for n in self.free), tuple(axes), (), (0, 0), (0, 0))
        self.pieces: list[list[list[Piece]]] = []
        tables = []
        for key, parts in groups.items():
            places = tuple(axes.index(axis) for axis in key)
            rows = [self._entry(parts, dict(zip(key, totals, strict=True))) for totals in bare.entries(places)]
            self.pieces.append(rows)
            words, macs = tuple(map(_words, rows)), tuple(map(_macs, rows))
            tables.append(Table(places, words, macs))
        words, macs = request.limits(original or network)
        kept_words, kept_macs = _words(self.fixed), _macs(self.fixed)
        self.problem = replace(
            bare,
            tables=tuple(tables),
            words=(words[0] - kept_words, words[1] - kept_words),
            macs=(macs[0] - kept_macs, macs[1] - kept_macs),
            pairings=tuple(self._pairings(axes, request)),
        )
        self.least_macs = max(0, macs[0])
        self.start_widths = tuple(ties.widths[n] for n in self.free)
        self.start = self._start(request.expansion)

    def widths(self, chosen: Sequence[int]) -> tuple[int, ...]:
        """Width of every class of the network, from those of the free ones."""
        widths = list(self.ties.widths)
        for number, width in zip(self.free, chosen, strict=True):
            widths[number] = width
        return tuple(widths)

    def mac_layers(self) -> list[Layer]:
        """The different multiply-accumulate layers of all entries."""
        pieces = [*self.fixed, *(piece for rows in self.pieces for entry in rows for piece in entry)]
        return list({p.layer.shape_key(): p.layer for p in pieces if isinstance(p.layer, Layer)}.values())

    def _pairings(self, axes: list[Values], request: WidthChanges) -> Iterator[Pairing]:
        """Hidden widths with those of their inputs, where both are free."""
        for pair in self.bottlenecks:
            if pair.given in self._place:
                first, second = sorted([(self._place[pair.given],), (self._place[pair.hidden],)])
                swapped = second == (self._place[pair.given],)
                together = [
                    (width, int(ratio * width))
                    for ratio in request.expansion
                    for width in self.candidates[pair.given]
                    if (ratio * width).denominator == 1
                ]
                allowed = frozenset((b, a) if swapped else (a, b) for a, b in together)
                yield Pairing((axes.index(first), axes.index(second)), allowed)

    def _start(self, ratios: tuple[Fraction, ...]) -> Values:
        """The entries that the network reads as it is; none if its own widths, ratios or totals are not allowed."""
        known = all(width in self.candidates[n] for n, width in zip(self.free, self.start_widths, strict=True))
        if not known or any(ratio_of(pair, self.ties.widths) not in ratios for pair in self.bottlenecks):
            return ()
        totals = [sum(self.start_widths[place] for place in axis) for axis in self.problem.axes]
        tables = self.problem.tables
        entries = tuple(
            self.problem.entries(table.axes).index(tuple(totals[axis] for axis in table.axes)) for table in tables
        )
        words = sum(table.words[n] for table, n in zip(tables, entries, strict=True))
        macs = sum(table.macs[n] for table, n in zip(tables, entries, strict=True))
        low, high = zip(self.problem.words, self.problem.macs, strict=True)
        return entries if low[0] <= words <= high[0] and low[1] <= macs <= high[1] else ()

    def _axis(self, form: Form) -> Values:
        """The free classes of a sum."""
        return tuple(self._place[number] for number in form if number in self._place)

    def _axes(self, shape: Shape) -> tuple[Values, ...]:
        """The axes that a shape depends on, in a fixed order."""
        return tuple(sorted({axis for form in shape.forms if (axis := self._axis(form))}))

    def _entry(self, parts: list[_Part], totals: dict[Values, int]) -> list[Piece]:
        """The layers of a table entry whose axes have these totals."""

        def after(form: Form) -> int:
            kept = channels(self.ties.widths, tuple(number for number in form if number not in self._place))
            axis = self._axis(form)
            return kept + totals[axis] if axis else kept

        def before(form: Form) -> int:
            return channels(self.ties.widths, form)

        return [
            Piece(with_widths(p.layer, p.shape, before, after), p.layer.multiplicity, p.energy, p.latency)
            for p in parts
        ]


def _parts(layer: AnyLayer, shape: Shape) -> Iterator[_Part]:
    """A layer; of a concatenation every read, the write, and its cycles."""
    if shape.kind != "concat" or not isinstance(layer, VectorLayer):
        yield _Part(layer, shape)
        return
    assert shape.writes is not None
    whole = Shape("stream", shape.writes, shape.writes)
    for read, part in zip(layer.reads, shape.parts, strict=True):
        yield _Part(replace(layer, reads=(read,), writes=()), Shape("stream", part, part), latency=False)
    yield _Part(replace(layer, reads=()), whole, latency=False)
    (bits,) = {bits for _, bits in layer.reads}
    total = (sum(words for words, _ in layer.reads), bits)
    yield _Part(replace(layer, reads=(total,)), whole, energy=False)


def _words(pieces: list[Piece]) -> int:
    return sum(piece.runs * piece.layer.parameter_count for piece in pieces)


def _macs(pieces: list[Piece]) -> int:
    return sum(piece.runs * piece.layer.macs for piece in pieces if isinstance(piece.layer, Layer))
