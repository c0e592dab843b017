"""Energy and latency as integer expressions."""

from __future__ import annotations

from collections.abc import Iterator

from ortools.sat.python import cp_model

from formulations.nest_program.bypass import TENSORS
from formulations.nest_program.spatial import FanOuts
from formulations.nest_program.traffic import Actions, Count, Traffic
from formulations.problem import LayerProblem, ProblemLevel
from formulations.rows import LARGEST, Literal, Quantity, bounded, imply, number_var, power, product


class ObjectiveTerms:
    """Integer costs of a layer. ``inst[l]`` are the used instances of a level.

    Latency (units), variable ``latency``:

    1. ``latency >= unit * work / inst[L]``, `work` the cycles of all steps on one multiplier
    2. ``latency * divisor >= multiplier * bits`` for the read, write (fills and updates) and shared port of each level,
       bits per instance; the least whole number is the quotient rounded up
    3. ``cycles * unit >= latency`` (whole cycles that leak)

    Energy (units):

    4. accesses of a count of grains over all instances: ``count * bits / access_bits`` where that is whole anyway;
       else ``access_bits * q >= bits * each`` per instance, and ``q * inst[l]``
    5. ``energy = steps * step_energy + sum_l energy[l]``, ``energy[l] = sum accesses * energy per access
       + leak * inst[l] * cycles``; where a level has a menu, each entry says ``entry  =>  energy[l] >= ...``.

    Like every quantity here, these are exact at their least values.
    """

    def __init__(
        self,
        model: cp_model.CpModel,
        problem: LayerProblem,
        menus: list[list[tuple[ProblemLevel, Literal]]],
        fanouts: FanOuts,
        traffic: Traffic,
    ) -> None:
        self._model, self._problem, self._menus = model, problem, menus
        self._fanouts = fanouts
        self._actions = [[traffic.served(level, t) for t in TENSORS] for level in range(len(problem.levels))]
        self._accesses: dict[tuple[int, int, int, int, int], tuple[cp_model.LinearExprT, int]] = {}
        self._latency: Quantity | None = None
        self._cycles: Quantity | None = None
        self._energy: Quantity | None = None

    @property
    def latency(self) -> Quantity:
        """Latency of the layer (units)."""
        if self._latency is None:
            self._latency = self._add_latency()
        return self._latency

    @property
    def energy(self) -> Quantity:
        """Energy of the layer (units)."""
        if self._energy is None:
            self._energy = self._add_energy()
        return self._energy

    def _ports(self, level: int) -> Iterator[tuple[int, cp_model.LinearExprT, int]]:
        """(port, bits per instance, their upper bound)."""
        read: cp_model.LinearExprT = 0
        write: cp_model.LinearExprT = 0
        reads = writes = 0
        for tensor, actions in enumerate(self._actions[level]):
            bits = self._problem.grain(tensor)
            reading, filling = actions.reads.each(), actions.fills.each()
            self._model.add(reading >= 0)  # implied; for the linear relaxation
            self._model.add(filling >= 0)
            read = read + reading * bits
            write = write + (filling + actions.updates.each()) * bits
            reads += actions.reads.high * bits
            writes += (actions.fills.high + actions.updates.high) * bits
        yield 0, read, reads
        yield 1, write, writes
        yield 2, read + write, reads + writes

    def _add_latency(self) -> Quantity:
        model, problem = self._model, self._problem
        unit = problem.latency_unit
        high = unit * problem.work
        posts: list[tuple[Literal, int, cp_model.LinearExprT, int, int]] = []
        for level, menu in enumerate(self._menus):
            if not any(port.divisor for spec, _ in menu for port in spec.ports):
                continue
            for number, bits, most in self._ports(level):
                for spec, chosen in menu:
                    port = spec.ports[number]
                    if port.divisor:
                        posts.append((chosen, port.multiplier, bits, port.divisor, most))
                        high = max(high, -(-most * port.multiplier // port.divisor))
                        bounded(most * port.multiplier)
        instances = self._fanouts.instances(len(problem.levels))
        low = unit * -(-problem.work // instances.high)
        latency = number_var(model, high, "latency", low)
        dims = range(len(problem.extents))
        highest = self._fanouts.highest_above(len(problem.levels), dims)
        columns = {p: self._fanouts.above(len(problem.levels), dims, p) for p in highest}
        compute = power(model, columns, highest, lambda e: _busy(problem, e))
        model.add(latency >= compute.expression)  # (1)
        for chosen, multiplier, bits, divisor, most in posts:  # (2)
            port = self._port_time(latency, high, divisor, -(-most * multiplier // divisor))
            imply(model, [chosen], port * divisor >= multiplier * bits)
        return Quantity(latency, low, high)

    def _port_time(self, latency: cp_model.IntVar, high: int, divisor: int, most: int) -> cp_model.IntVar:
        """The latency, or the time of a port alone, at most `most`, where the latency's product could overflow."""
        if high * divisor <= LARGEST:
            return latency
        port = number_var(self._model, most, "port")
        self._model.add(latency >= port)
        return port

    @property
    def cycles(self) -> Quantity:
        """Whole cycles (3)."""
        if self._cycles is None:
            self._cycles = self._add_cycles()
        return self._cycles

    def _add_cycles(self) -> Quantity:
        unit = self._problem.latency_unit
        if unit == 1:
            return self.latency
        high = -(-self.latency.high // unit)
        cycles = number_var(self._model, high, "cycles", 1)
        self._model.add(cycles * unit >= self.latency.expression)
        return Quantity(cycles, 1, high)

    def _access(self, level: int, tensor: int, action: int, count: Count, per: int) -> tuple[cp_model.LinearExprT, int]:
        """(4): (accesses over all instances, their upper bound)."""
        bits = self._problem.grain(tensor)
        high = -(-count.high * bits // per)
        if bits % per == 0:
            return count.total * (bits // per), high
        key = (level, tensor, action, per, bits)
        if key not in self._accesses:
            each = number_var(self._model, high, "accesses")
            self._model.add(per * each >= bits * count.each())
            instances = self._fanouts.instances(level)
            bounded(per * high * instances.high)
            total = product(self._model, instances, Quantity(each, 0, high))
            self._model.add(per * total.expression >= bits * count.total)
            self._accesses[key] = (total.expression, high * instances.high)
        return self._accesses[key]

    def _add_energy(self) -> Quantity:
        model, problem = self._model, self._problem
        total: cp_model.LinearExprT = problem.steps * problem.step_energy
        high = problem.steps * problem.step_energy
        leaks = any(spec.leak_energy for menu in self._menus for spec, _ in menu)
        cycles = self.cycles if leaks else None
        for level, menu in enumerate(self._menus):
            leaking = (
                product(model, self._fanouts.instances(level), cycles)
                if cycles is not None and any(spec.leak_energy for spec, _ in menu)
                else None
            )
            priced = [self._level_energy(level, spec, leaking) for spec, _ in menu]
            most = max(bound for _, bound in priced)
            high += most
            if len(menu) == 1:
                total = total + priced[0][0]
                continue
            energy = number_var(model, most, "energy")
            for (_, chosen), (expression, _) in zip(menu, priced, strict=True):  # (5)
                imply(model, [chosen], energy >= expression)
            total = total + energy
        bounded(high)
        return Quantity(total, problem.steps * problem.step_energy, high)

    def _level_energy(
        self, level: int, spec: ProblemLevel, leaking: Quantity | None
    ) -> tuple[cp_model.LinearExprT, int]:
        expression: cp_model.LinearExprT = 0
        high = 0
        for tensor, actions in enumerate(self._actions[level]):
            for action, (count, per) in enumerate(_priced(actions, spec)):
                if per == 0 or count.high == 0:
                    continue
                accesses, most = self._access(level, tensor, action, count, spec.access_bits)
                expression = expression + accesses * per
                high += most * per
        if leaking is not None and spec.leak_energy:
            expression = expression + leaking.expression * spec.leak_energy
            high += leaking.high * spec.leak_energy
        return expression, high


def _busy(problem: LayerProblem, spread: dict[int, int]) -> int:
    unrolled = 1
    for prime, exponent in spread.items():
        unrolled *= prime**exponent
    return problem.latency_unit * (problem.work // unrolled)


def _priced(actions: Actions, spec: ProblemLevel) -> tuple[tuple[Count, int], ...]:
    return (
        (actions.reads, spec.read_energy),
        (actions.fills, spec.fill_energy),
        (actions.updates, spec.update_energy),
    )
