r"""The search for one hardware point for several networks.

1. The best design of every network by itself, with its own caps. Where caps of a network are out of reach at once,
   there is no joint design, and the other networks are not searched.
2. Every network on each of these designs: the cross table. Where all of them run, the joint objective there is known.
3. The joint branch and bound, with the best of these as its first incumbent.

Every design is one for all networks that run on it: where the search of a network by itself was stopped, its best
design may be one that was found for another network, or the joint one. So no network is ever better off on a design
than by itself, and the joint design is never worse than another of the table.

A box is bounded by the aggregate of the networks' bounds on its optimistic corner. Let :math:`b_n` bound network n on
every point of the box, and let the aggregate A rise with each of its arguments. Then :math:`A(b_1, \ldots, b_N) \le
A(v_1, \ldots, v_N)` for the values :math:`v_n` on any point of the box, since :math:`b_n \le v_n`. The hardware is all
that the networks share: at a fixed point each of them is solved by itself, so at a single point the bound is met.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from optimizer.architecture.boxes import Box
from optimizer.architecture.hardware import Hardware
from optimizer.errors import InternalDisagreementError
from optimizer.multi_network.explorations import CrossCell, Explorations
from optimizer.multi_network.request import Team
from optimizer.problem.aggregate import Aggregate
from optimizer.problem.disagreement import disagreement
from optimizer.problem.progress import Watch
from optimizer.results.reconciliation import reconciled
from optimizer.results.totals import unit_value
from optimizer.search.branch_and_bound import as_incumbent
from optimizer.search.exploration import Exploration
from optimizer.search.incumbents import Best
from optimizer.search.instant_bounds import out_of_reach
from optimizer.search.prepared_problem import PreparedProblem
from optimizer.search.progress import Reporter, Show
from optimizer.search.threads import priced

Table = dict[Box, tuple[CrossCell, ...]]
"""Every network on points."""


@dataclass(frozen=True)
class CrossColumn:
    """A design of the cross table: whose it is (names of networks), its point, and every network on it."""

    names: tuple[str, ...]
    box: Box
    cells: tuple[CrossCell, ...]

    def aggregate(self, aggregate: Aggregate | None) -> Fraction | None:
        """The joint objective there; None unless all networks run."""
        values = [cell.value for cell in self.cells if cell.value is not None]
        return None if aggregate is None or len(values) < len(self.cells) else aggregate.value(values)


@dataclass(frozen=True)
class Findings:
    """What the search found.

    ``alone`` are the explorations of the single networks, ``seconds`` what each took. ``aggregate`` has the weights
    that apply; None if they are relative to an optimum that is not known. ``joint`` is None where a network has no
    design at all, or there is no aggregate. ``designs`` are the networks on the joint design, each a problem with a
    single hardware point.
    """

    alone: tuple[Exploration, ...]
    seconds: tuple[float, ...]
    columns: tuple[CrossColumn, ...]
    aggregate: Aggregate | None
    joint: Exploration | None = None
    designs: tuple[tuple[PreparedProblem, Exploration], ...] = ()

    @property
    def on_joint(self) -> CrossColumn | None:
        """The joint design as a column of the cross table, without a name."""
        if self.joint is None or self.joint.best_box is None:
            return None
        cells = tuple(CrossCell("OPTIMAL", state.best, state.value) for _, state in self.designs)
        return CrossColumn((), self.joint.best_box, cells)

    @property
    def hopeless(self) -> tuple[int, ...]:
        """Networks that have no design even by themselves."""
        return tuple(n for n, state in enumerate(self.alone) if state.complete and state.value is None)


class Search:
    """Runs the three steps.

    Parameters
    ----------
    explorations : Explorations
    started : float
        When the run began (``time.perf_counter``).
    watch : callable, optional
        Called with the progress.
    """

    def __init__(self, explorations: Explorations, started: float, watch: Watch | None) -> None:
        self._run, self._team = explorations, explorations.team
        self._started, self._watch = started, watch

    def findings(self) -> Findings:
        """Run all steps, as far as the time reaches."""
        alone: list[Exploration] = []
        seconds = []
        refuted = [n for n, prepared in enumerate(self._team.prepared_problems) if out_of_reach(prepared)]
        for number in range(len(self._team.names)):
            began = time.perf_counter()
            skipped = bool(refuted) and number not in refuted
            alone.append(self._run.unsought(number) if skipped else self._alone(number, alone))
            seconds.append(time.perf_counter() - began)
        found = Findings(tuple(alone), tuple(seconds), (), self._team.aggregate([state.value for state in alone]))
        if found.hopeless:
            return found
        table = self._table(found.alone)
        while True:
            found = self._shared(found, table)
            if found.aggregate is None:
                return found
            found = self._joined(found)
            column = found.on_joint
            if column is None:
                return found
            table[column.box] = column.cells
            before, found = found, self._shared(found, table)
            if found.aggregate == before.aggregate:
                return found

    def _joined(self, found: Findings) -> Findings:
        """With the joint design, and every network on it."""
        assert found.aggregate is not None
        joint = self._joint(found.aggregate, found.columns)
        point = joint.best_point
        designs = () if point is None else tuple(self._on_point(n, point) for n in range(len(found.alone)))
        return replace(found, joint=self._agreed(joint, found.aggregate, found.alone, designs), designs=designs)

    def _on_point(self, number: int, point: Hardware) -> tuple[PreparedProblem, Exploration]:
        prepared, state = self._run.on_point(number, point)
        return prepared, reconciled(prepared, state)

    def _agreed(
        self,
        joint: Exploration,
        aggregate: Aggregate,
        alone: Sequence[Exploration],
        designs: Sequence[tuple[PreparedProblem, Exploration]],
    ) -> Exploration:
        """The joint exploration if its networks, solved by themselves, agree with it; else with their numbers.

        Raises
        ------
        InternalDisagreementError
            If one of them has no design there.
        """
        if joint.found is None:
            return joint
        states = [state for _, state in designs]
        picks = tuple(state.found.picks[0] for state in states if state.found is not None)
        values = [state.value for state in states if state.value is not None]
        what = str(disagreement(f"the joint design has {joint.value}, its networks {[*map(str, values)]}"))
        if len(picks) < len(states):
            raise InternalDisagreementError(what)
        value = aggregate.value(values)
        faults = [fault for state in (*alone, *states) for fault in state.disagreements]
        faults += [what] if value != joint.value else []
        if not faults:
            return joint
        incumbents, rank = Best(), (value, *joint.found.rank[1:])
        incumbents.offer(replace(joint.found, value=value, picks=picks, rank=rank))
        every = tuple(dict.fromkeys((*joint.disagreements, *faults)))
        distrusted = replace(joint, incumbents=incumbents, disagreements=every)
        self._run.distrust(distrusted, aggregate)
        return distrusted

    def _shared(self, found: Findings, table: Table) -> Findings:
        """Each network with the best of all designs that it runs on as its own; columns and weights follow."""
        owners: dict[Box, list[str]] = {}
        alone = []
        for number, state in enumerate(found.alone):
            for box, cells in table.items():
                self._offer(number, state, box, cells[number])
            alone.append(priced(self._team.prepared_problems[number], state, self._run.workers))
            if state.best_box is not None:
                owners.setdefault(state.best_box, []).append(self._team.names[number])
        columns = tuple(CrossColumn(tuple(names), box, table[box]) for box, names in owners.items())
        aggregate = self._team.aggregate([state.value for state in alone])
        return replace(found, alone=tuple(alone), columns=columns, aggregate=aggregate)

    def _offer(self, number: int, state: Exploration, box: Box, cell: CrossCell) -> None:
        """Hand a design that was found elsewhere to the exploration of a network by itself."""
        if cell.pick is None or cell.value is None or (state.value is not None and cell.value >= state.value):
            return
        if state.complete or state.proved:
            raise disagreement(
                f"{self._team.names[number]} has {cell.value} on {box}, its own optimum is {state.value}"
            )
        goals = [self._team.prepared_problems[number].goal]
        state.incumbents.offer(as_incumbent(self._team.points, goals, Aggregate(), (cell.pick,), box))
        state.settle()

    def _alone(self, number: int, before: Sequence[Exploration]) -> Exploration:
        """One network by itself; all of them together take at most half of the time.

        It starts from the designs of the networks before it, where the cross table needs it anyway.
        """
        names, deadline = self._team.names, None
        if self._run.deadline is not None:
            now = time.perf_counter()
            deadline = now + max(0.0, self._run.deadline - now) / (2 * len(names) - number)
        message = f"network {number + 1} of {len(names)} alone: {names[number]}"
        report, incumbents = self._report(message, worth_of_alone(self._team)), Best()
        for box in dict.fromkeys(state.best_box for state in before):
            if box is not None:
                self._run.run([number], incumbents=incumbents, within=box, deadline=deadline)
        state = self._run.run([number], incumbents=incumbents, deadline=deadline, report=report)
        prepared = self._team.prepared_problems[number]
        return reconciled(prepared, priced(prepared, state, self._run.workers))

    def _table(self, alone: tuple[Exploration, ...]) -> Table:
        """Every network on every design that is best for one of them."""
        boxes = list(dict.fromkeys(state.best_box for state in alone if state.best_box is not None))
        table: Table = {}
        for number, box in enumerate(boxes):
            self._report(f"cross table, design {number + 1} of {len(boxes)}", None)
            table[box] = tuple(self._run.cells(box))
            for n, state in enumerate(alone):  # reuse the designs of its owners if the time ran out
                if state.best_box == box and table[box][n].pick is None:
                    table[box] = (*table[box][:n], CrossCell("OPTIMAL", state.best, state.value), *table[box][n + 1 :])
        return table

    def _joint(self, aggregate: Aggregate, columns: tuple[CrossColumn, ...]) -> Exploration:
        """The joint exploration; designs of single networks on which all networks run are its first incumbents."""
        incumbents, goals = Best(), [prepared.goal for prepared in self._team.prepared_problems]
        for column in columns:
            picks = tuple(cell.pick for cell in column.cells if cell.pick is not None)
            if len(picks) == len(goals):
                incumbents.offer(as_incumbent(self._team.points, goals, aggregate, picks, column.box))
        report = self._report("all networks", shown(self._team, aggregate))
        everyone = range(len(goals))
        state = self._run.run(everyone, aggregate=aggregate, incumbents=incumbents, report=report)
        for column in columns:
            value = column.aggregate(aggregate)
            if value is not None and (state.value is None or state.value > value):
                what = f"the joint design has {state.value}, the one made for {' and '.join(column.names)} {value}"
                state.disagreements += (str(disagreement(what)),)
                self._run.distrust(state, aggregate)
        return state

    def _report(self, message: str, values: tuple[str, Show] | None) -> Reporter | None:
        """Progress of an exploration; `values` are the unit of its objective, and how to show it."""
        if self._watch is None:
            return None
        unit, show = values or ("", None)
        total = self._team.points.total
        return Reporter(self._watch, self._started, total, unit, show, message, timed=True)


def worth_of_alone(team: Team) -> tuple[str, Show]:
    """Unit of the objective of a network, and a value in it."""
    unit, worth = unit_value(team.prepared_problems[0].goal.objective, team.points.some)
    return unit, lambda value: float(value * worth)


def shown(team: Team, aggregate: Aggregate) -> tuple[str, Show]:
    """Unit of the joint objective, and a value in it: of the geometric mean, the root."""
    if team.relative:
        return "x optimum", aggregate.mean
    unit, worth = unit_value(team.prepared_problems[0].goal.objective, team.points.some)
    return unit, lambda value: aggregate.mean(value) * float(worth)
