"""Replay of a training step with kept, dropped and recomputed activations: every allocation, every release.

It reads only the network and the choices, and shares no code with the lifetimes, the program and its lowering. The
first pass runs the step and finds out what is computed again and when every tensor is used; the second one fills and
empties the memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from optimizer.errors import SpecError
from optimizer.workload.layer import AnyLayer, Layer, VectorLayer
from optimizer.workload.network import Network

CHOICES = ("keep", "chip", "redo", "drop")


@dataclass(frozen=True)
class Moment:
    """Bits off chip and on chip while a layer runs; ``again`` where it is computed again."""

    layer: str
    again: bool
    off_chip_bits: int
    on_chip_bits: int


@dataclass
class MemoryReplay:
    """The trace of a replay: all moments, the recomputed layers with their work, and tensors that were missing or left
    over.
    """

    moments: list[Moment] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    macs: int = 0
    operations: int = 0
    breaches: list[str] = field(default_factory=list)

    @property
    def peak(self) -> Moment:
        """The first moment of most bits off chip."""
        return max(self.moments, key=lambda moment: moment.off_chip_bits)

    @property
    def on_chip_bits(self) -> int:
        """Most bits on chip."""
        return max(moment.on_chip_bits for moment in self.moments)


def replay(network: Network, choices: Mapping[str, str]) -> MemoryReplay:
    """Run a training step under choices for the outputs of its forward layers.

    Parameters
    ----------
    network : Network
        A training step; every node has a phase.
    choices : mapping of str to str
        keep, chip, redo or drop for every forward layer.

    Raises
    ------
    SpecError
        If a forward layer has no choice, or an unknown one.
    """
    forward = [name for name in network.graph if network.graph.nodes[name]["phase"] == "forward"]
    for name in forward:
        if choices.get(name) not in CHOICES:
            raise SpecError(
                "no such choice for an activation",
                field=name,
                value=choices.get(name),
                allowed=", ".join(CHOICES),
                remedy="give one for every forward layer",
            )
    return _Machine(network, choices).run()


class _Machine:
    def __init__(self, network: Network, choices: Mapping[str, str]) -> None:
        self._graph, self._choices = network.graph, choices
        self._order = [layer.name for layer in network.layers()]
        self._place = {name: number for number, name in enumerate(self._order)}
        self._layer: dict[str, AnyLayer] = {name: network.graph.nodes[name]["layer"] for name in self._order}
        self._phase = {name: network.graph.nodes[name]["phase"] for name in self._order}
        self._before: dict[str, list[str]] = {name: [] for name in self._order}
        self._uses: dict[str, list[int]] = {name: [] for name in self._order}
        self._turn = sum(phase == "forward" for phase in self._phase.values())
        self._base = sum(self._always(name) for name in self._order) + self._from_outside()
        self._result = MemoryReplay()

    def run(self) -> MemoryReplay:
        """Both passes."""
        self._first_pass()
        for name in (source for step in self._order for source in self._before[step]):
            layer = self._layer[name]
            self._result.again.append(name)
            if isinstance(layer, Layer):
                self._result.macs += layer.macs * layer.multiplicity
            else:
                self._result.operations += layer.operations * layer.multiplicity
        self._second_pass()
        return self._result

    def _first_pass(self) -> None:
        """Find the layers recomputed before every step, and the steps that use every output of a forward layer."""
        there: set[str] = set()
        for now, name in enumerate(self._order):
            sources = [s for s in self._graph.predecessors(name) if self._phase[s] == "forward"]
            if self._phase[name] == "forward":
                for source in sources:
                    self._uses[source].append(now)
                if self._choices[name] in ("keep", "chip"):
                    there.add(name)
                continue
            wanted, new = [s for s in sources if s not in there], set()
            while wanted:
                source = wanted.pop()
                if source in there or source in new:
                    continue
                if self._choices[source] != "redo":
                    self._result.breaches.append(f"{name} needs {source}, which was dropped")
                new.add(source)
                wanted += list(self._graph.predecessors(source))
            self._before[name] = sorted(new, key=self._place.__getitem__)
            there |= new
            for reader in (name, *self._before[name]):
                for source in self._graph.predecessors(reader):
                    if self._phase[source] == "forward":
                        self._uses[source].append(now)

    def _second_pass(self) -> None:
        """Fill and empty the memory."""
        off: dict[str, int] = {}
        on: dict[str, int] = {}
        for now, name in enumerate(self._order):
            self._again(name, now, off, on)
            phase = self._phase[name]
            if phase != "update":
                memory = on if phase == "forward" and self._choices[name] == "chip" else off
                output, *aside = self._written(name).items()
                memory.update([output])
                off.update(aside)
            self._note(name, False, off, on)
            for memory in (off, on):
                for tensor in [tensor for tensor in memory if self._last(tensor, now) <= now]:
                    del memory[tensor]
        self._result.breaches += [f"{tensor} is never freed" for tensor in (*off, *on)]

    def _again(self, name: str, now: int, off: dict[str, int], on: dict[str, int]) -> None:
        """Recompute the inputs of a step; tensors needed only for that are released after their last forward reader."""
        brief: dict[str, int] = {}
        for source in self._before[name]:
            for tensor in [tensor for tensor, end in brief.items() if end < self._place[source]]:
                del off[tensor], brief[tensor]
            off[source] = self._written(source)[source]
            self._note(source, True, off, on)
            followers = list(self._graph.successors(source))
            if all(self._phase[reader] == "forward" for reader in followers) and max(self._uses[source]) == now:
                brief[source] = max(self._place[reader] for reader in followers)
        for tensor in brief:
            del off[tensor]

    def _always(self, name: str) -> int:
        """Bits of weights and state that a layer accounts for: what an update writes, or weights that none updates."""
        layer = self._layer[name]
        if self._phase[name] == "update" and isinstance(layer, VectorLayer):
            return sum(layer.multiplicity * words * bits for words, bits in layer.writes)
        if self._phase[name] != "forward" or not isinstance(layer, Layer) or f"{name}.update" in self._graph:
            return 0
        return layer.parameter_count * layer.operand("W").bits

    def _from_outside(self) -> int:
        """Bits of the network's inputs; they stay."""
        found: dict[str, int] = {}
        for name in self._order[: self._turn]:
            layer = self._layer[name]
            given = {self._graph.edges[source, name]["tensor"] for source in self._graph.predecessors(name)}
            if isinstance(layer, VectorLayer):
                if not given and layer.reads:
                    words, bits = layer.reads[0]
                    found[f"{name}<"] = words * bits * layer.multiplicity
                continue
            weights, data, _ = layer.operands
            learned = layer.parameter_count >= weights.footprint(layer.extents) or weights.tensor.endswith(".weight")
            for operand, outside in ((data, not given), (weights, not learned)):
                if outside and operand.tensor not in given:
                    size = operand.footprint(layer.extents) * operand.bits
                    found[operand.tensor] = max(found.get(operand.tensor, 0), size)
        return sum(found.values())

    def _note(self, name: str, again: bool, off: dict[str, int], on: dict[str, int]) -> None:
        self._result.moments.append(Moment(name, again, self._base + sum(off.values()), sum(on.values())))

    def _written(self, name: str) -> dict[str, int]:
        """Tensors that a layer writes, with their bits."""
        layer = self._layer[name]
        if isinstance(layer, VectorLayer):
            sizes = [layer.multiplicity * words * bits for words, bits in layer.writes]
        else:
            words = layer.multiplicity
            for axis in layer.operand("O").axes:
                words *= axis.extent(layer.extents)
            sizes = [words * layer.operand("O").bits]
        return {name if number == 0 else f"{name}#{number}": bits for number, bits in enumerate(sizes)}

    def _last(self, tensor: str, now: int) -> int:
        """The last step that uses a tensor, seen from step `now`; a dropped tensor has a separate lifetime in the
        forward pass.
        """
        name, _, number = tensor.partition("#")
        uses = self._uses[name]
        if self._phase[name] == "forward" and number:
            return self._place.get(f"{name}.dI", now)
        if self._phase[name] == "forward":
            if now < self._turn and self._choices[name] in ("redo", "drop"):
                uses = [use for use in uses if use < self._turn]
            return max(uses, default=now)
        learned = self._phase[name] == "weight_gradient" or bool(number)
        readers = [self._place[r] for r in self._graph.successors(name) if (self._phase[r] == "update") == learned]
        return max(readers, default=now)
