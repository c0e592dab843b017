"""Which saved activations of a training step are kept and which are computed again, as a program.

A training step is a fixed order of steps ``0 .. S-1``: the forward steps first, the backward ones from `turn` on.
Tensor t is written by forward step ``p_t`` and read by forward steps, the last of them ``f_t >= p_t``, and by backward
steps, the first and last of them ``a_t`` and ``z_t``. ``C_t`` are the tensors that are computed from t (by forward
steps).

*Execution.* After its last forward use, t is kept off chip, kept on chip, or dropped. A dropped tensor may be computed
again, once, right before the first backward step that needs it: that reads it, or before which another tensor is
computed again from it. Right before backward step s all tensors whose time it is are computed in their forward order;
they and the step are *slot* s. What is needed in slot s or later is held; what nothing needs after slot s is freed
when the slot ends. Only a tensor that is computed in slot s, and that nothing but computations of slot s reads
(*brief*), is freed earlier: at the place of its last forward reader ``f_t`` in the forward order.

Variables (all Boolean; s a backward step):

* ``keep[t]``, ``chip[t]``, ``redo[t]``: kept off chip, kept on chip, computed again
* ``begun[t, s]``: computed again in slot s or earlier
* ``held[t, s]``, ``whole[t, s]``: held at any time of slot s; held when step s runs (0 if brief); each by keeping it
  off chip, keeping it on chip, or computing it again. Forced upwards only: no constraint rewards a needless one.

Constraints, with ``pending[u, s] = redo[u] and not begun[u, s - 1]`` (u is computed again in slot s or later):

1. ``keep[t] + chip[t] + redo[t] == 1`` if a backward step reads t, else ``<= 1``, with ``keep[t] = redo[t] = 0`` if
   nothing of ``C_t`` is redone.
2. ``redo[u] => keep[t] or chip[t] or redo[t]`` for u in ``C_t``
3. ``begun[t, s] == redo[t] and (s >= a_t or some u in C_t has begun[u, s])``
4. ``x[t] and pending[u, s] => held[t, s]`` for u in ``C_t`` and s beyond ``z_t``, where x is keep, chip or ``begun[.,
   s]``; up to ``z_t``, ``held[t, s] = x[t]``. The same for whole, but a tensor that no backward step reads and that is
   computed again needs ``begun[t, s - 1] and pending[u, s]`` or ``begun[t, s] and pending[u, s + 1]``.
5. Off chip, at forward step s (bits): ``fixed_s + sum_{p_t <= s <= f_t} bits_t (1 - chip[t]) + sum_{f_t < s} bits_t
   keep[t] <= peak``; at backward step s: ``fixed_s + sum_t bits_t whole[t, s] <= peak``.
6. Off chip, when step j is computed again in slot s: ``fixed_s - made_s`` (what the step makes is not there yet) ``+``
   all that was there before slot s, what was computed in it by steps up to j and is whole, and what is held and has
   ``p_t <= j <= f_t``, ``<= peak``. Only the j that are last readers of a tensor without backward readers are needed:
   at any other j no less is there when the next such tensor is freed, or when step s runs. Nor is j needed if all
   tensors that may be brief then have together no more than ``made_s`` bits: step s has no less.
7. On chip, at every step: ``sum_t bits_t held_on_chip[t, s] <= reserve``, from ``p_t`` on. (It is ``chip[t]`` up to
   ``f_t``, and beyond it in the forward pass if t is needed later, as in (4).)
8. ``overhead = sum_t redo_cost_t redo[t] - chip_gain_t chip[t]``

Minimize ``overhead`` or ``peak`` under caps on both, then the other one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from ortools.sat.python import cp_model

from formulations.rows import bounded

Literal: TypeAlias = cp_model.IntVar
Row: TypeAlias = dict[int, int]


@dataclass(frozen=True)
class Saved:
    """A forward tensor.

    Parameters
    ----------
    bits : int
        Its size.
    born, last_forward : int
        Steps ``p`` and ``f`` of the formulation.
    reads : tuple of int
        Backward steps that read it, rising.
    inputs : tuple of int
        Numbers of the tensors that it is computed from; they are lower than its own.
    redo_cost : int
        What computing it again costs.
    chip_gain : int
        What keeping it on chip saves.
    """

    bits: int
    born: int
    last_forward: int
    reads: tuple[int, ...]
    inputs: tuple[int, ...]
    redo_cost: int
    chip_gain: int = 0


@dataclass(frozen=True)
class TrainingMemory:
    """A training step as the program sees it.

    Parameters
    ----------
    tensors : tuple of Saved
        Forward tensors in the order in which they are computed.
    turn : int
        The first backward step.
    fixed : tuple of int
        Bits held at every step whatever is chosen: weights, gradients, states, inputs.
    made : tuple of int
        Bits of `fixed` that come to be at the step itself.
    reserve_bits : int
        On-chip memory for kept tensors.
    recompute : bool
        Whether anything may be computed again.
    """

    tensors: tuple[Saved, ...]
    turn: int
    fixed: tuple[int, ...]
    made: tuple[int, ...]
    reserve_bits: int = 0
    recompute: bool = True

    @cached_property
    def reach(self) -> int:
        """No number of the program is larger: all bits and all costs together.

        Raises
        ------
        OverflowError
            If twice as much does not fit the solver's integers.
        """
        bits = max(self.fixed, default=0) + sum(tensor.bits for tensor in self.tensors)
        most = bits + sum(tensor.redo_cost + tensor.chip_gain for tensor in self.tensors)
        bounded(2 * most)
        return most

    @cached_property
    def readers(self) -> tuple[tuple[int, ...], ...]:
        """Tensors computed from each tensor."""
        found: list[list[int]] = [[] for _ in self.tensors]
        for number, tensor in enumerate(self.tensors):
            for source in tensor.inputs:
                found[source].append(number)
        return tuple(tuple(entry) for entry in found)

    @cached_property
    def earliest(self) -> tuple[int, ...]:
        """The first backward step before which each tensor may be computed again."""
        steps = len(self.fixed)
        first = [tensor.reads[0] if tensor.reads else steps for tensor in self.tensors]
        for number in reversed(range(len(first))):
            first[number] = min([first[number], *(first[reader] for reader in self.readers[number])])
        return tuple(first)

    @cached_property
    def marks(self) -> tuple[int, ...]:
        """Backward steps before which anything may be computed again."""
        return tuple(sorted({tensor.reads[0] for tensor in self.tensors if tensor.reads}))


@dataclass
class CheckpointProgram:
    """The program of a training step; `peak` and `overhead` are expressions to bound and to minimize."""

    memory: TrainingMemory
    model: cp_model.CpModel = field(default_factory=cp_model.CpModel)

    def __post_init__(self) -> None:
        count = len(self.memory.tensors)
        model = self.model
        self.keep = [model.new_bool_var("keep") for _ in range(count)]
        self.chip = [model.new_bool_var("chip") for _ in range(count)]
        self.redo = [model.new_bool_var("redo") for _ in range(count)]
        self._begun: dict[tuple[int, int], Literal] = {}
        self._implied: dict[tuple[tuple[Literal, ...], ...], Literal] = {}
        self._variables: dict[int, Literal] = {}
        every = sum(tensor.bits for tensor in self.memory.tensors)
        self.peak = model.new_int_var(0, max(self.memory.fixed, default=0) + every, "peak")
        self.overhead = sum(
            tensor.redo_cost * redo - tensor.chip_gain * chip
            for tensor, redo, chip in zip(self.memory.tensors, self.redo, self.chip, strict=True)
        )  # (8)
        self._choices()
        for mark in self.memory.marks:
            for t in reversed(range(count)):
                self.begun(t, mark)
        self._off_chip()
        self._on_chip()

    def _choices(self) -> None:
        for t, tensor in enumerate(self.memory.tensors):
            chosen = (self.keep[t], self.chip[t], self.redo[t])
            readers = [self.redo[u] for u in self.memory.readers[t]]
            if tensor.reads:
                self.model.add_exactly_one(chosen)  # (1)
            else:
                self.model.add_at_most_one(chosen)  # (1)
                for literal in (self.keep[t], self.redo[t]):
                    self.model.add_bool_or([literal.negated(), *readers])  # (1)
                for reader in readers:
                    self.model.add_bool_or([reader.negated(), *chosen])  # (2)
            if not self.memory.reserve_bits:
                self.model.add(self.chip[t] == 0)
            if not self.memory.recompute:
                self.model.add(self.redo[t] == 0)

    def begun(self, t: int, step: int) -> Literal | None:
        """The literal of ``begun[t, step]`` (3); None where it is 0."""
        tensor = self.memory.tensors[t]
        if step < self.memory.earliest[t]:
            return None
        if tensor.reads and step >= tensor.reads[0]:
            return self.redo[t]
        mark = max(mark for mark in self.memory.marks if mark <= step)
        if (t, mark) not in self._begun:
            by = [literal for u in self.memory.readers[t] if (literal := self.begun(u, mark)) is not None]
            begun = self._begun[t, mark] = self.model.new_bool_var("begun")
            self.model.add_implication(begun, self.redo[t])
            self.model.add_bool_or([begun.negated(), *by])
            for literal in by:  # (1), (2): what is needed and not kept is redone
                self.model.add_bool_or([literal.negated(), self.keep[t], self.chip[t], begun])
        return self._begun[t, mark]

    def _pending(self, u: int, step: int) -> tuple[Literal, ...] | None:
        """Literals whose conjunction is ``pending[u, step]``; None where it is 0."""
        begun = self.begun(u, step - 1)
        if begun is self.redo[u]:
            return None
        return (self.redo[u],) if begun is None else (self.redo[u], begun.negated())

    def _needed(self, x: Literal | None, t: int, step: int) -> list[tuple[Literal, ...]]:
        """The cases (conjunctions) of (4) in which `x` and a pending computation need t."""
        if x is None:
            return []
        pending = [self._pending(u, step) for u in self.memory.readers[t]]
        return [(x, *case) for case in pending if case is not None]

    def _forced(self, cases: Sequence[tuple[Literal, ...]]) -> Literal | None:
        """A literal that every case implies; None where there is no case."""
        if not cases:
            return None
        key = tuple(tuple(sorted(literal.index for literal in case)) for case in cases)
        if key not in self._implied:
            forced = self._implied[key] = self.model.new_bool_var("held")
            for case in cases:
                self.model.add_bool_or([forced, *(literal.negated() for literal in case)])  # (4)
        return self._implied[key]

    def _kept(self, x: Literal, t: int, step: int) -> Literal | None:
        """``held[t, step]`` of a tensor kept by choice `x`, at a backward step."""
        reads = self.memory.tensors[t].reads
        return x if reads and step <= reads[-1] else self._forced(self._needed(x, t, step))

    def _again(self, t: int, step: int) -> tuple[Literal | None, Literal | None, Literal | None]:
        """``held`` and ``whole`` of a tensor that is computed again, and ``held`` if it was there before the slot."""
        reads = self.memory.tensors[t].reads
        now, before = self.begun(t, step), self.begun(t, step - 1)
        if reads and step <= reads[-1]:
            return now, now, before
        held, carried = self._needed(now, t, step), self._needed(before, t, step)
        if reads:
            return self._forced(held), self._forced(held), self._forced(carried)
        several = len(self.memory.readers[t]) > 1
        whole = [*carried, *self._needed(now, t, step + 1)] if several else []
        return self._forced(held), self._forced(whole), self._forced(carried) if several else None

    def _off_chip(self) -> None:
        rows: dict[tuple[tuple[int, int], ...], int] = {}
        for row, constant in self._rows():
            key = tuple(sorted(row.items()))
            rows[key] = max(constant, rows.get(key, constant))
        for key, constant in rows.items():
            terms = sum(bits * self._variables[index] for index, bits in key)
            self.model.add(terms + constant <= self.peak)  # (5), (6)

    def _rows(self) -> Iterator[tuple[Row, int]]:
        """Off-chip memory at every step and at the ends of brief tensors: bits per literal, and what is constant."""
        memory = self.memory
        for step in range(memory.turn):
            row: Row = {}
            constant = memory.fixed[step]
            for t, tensor in enumerate(memory.tensors):
                if tensor.born <= step <= tensor.last_forward:
                    constant += tensor.bits
                    self._add(row, self.chip[t], -tensor.bits)
                elif step > tensor.last_forward:
                    self._add(row, self.keep[t], tensor.bits)
            yield row, constant
        for step in range(memory.turn, len(memory.fixed)):
            kept = [self._kept(literal, t, step) for t, literal in enumerate(self.keep)]
            again = [self._again(t, step) for t in range(len(memory.tensors))]
            yield self._slot(None, kept, again), memory.fixed[step]
            for end in self._ends(step) if step in memory.marks else ():
                yield self._slot(end, kept, again), memory.fixed[step] - memory.made[step]

    def _ends(self, step: int) -> list[int]:
        """Last readers of the tensors that may be brief in a slot, where these are more than the step makes."""
        brief = [
            tensor
            for t, tensor in enumerate(self.memory.tensors)
            if not tensor.reads and self._needed(self.begun(t, step), t, step)
        ]
        there = {
            end: sum(tensor.bits for tensor in brief if tensor.born <= end <= tensor.last_forward)
            for end in sorted({tensor.last_forward for tensor in brief})
        }
        return [end for end, bits in there.items() if bits > self.memory.made[step]]

    def _slot(
        self, end: int | None, kept: Sequence[Literal | None], parts: Sequence[tuple[Literal | None, ...]]
    ) -> Row:
        """Bits per literal when a backward step runs, or when forward step `end` is computed again in its slot."""
        row: Row = {}
        for tensor, keep, (held, whole, carried) in zip(self.memory.tensors, kept, parts, strict=True):
            again = whole
            if end is not None and tensor.born > end:
                again = carried
            elif end is not None and end <= tensor.last_forward and not tensor.reads:
                again = held
            self._add(row, again, tensor.bits)
            self._add(row, keep, tensor.bits)
        return row

    def _add(self, row: Row, literal: Literal | None, bits: int) -> None:
        if literal is not None:
            self._variables[literal.index] = literal
            row[literal.index] = row.get(literal.index, 0) + bits

    def _on_chip(self) -> None:
        rows = set()
        for step in range(len(self.memory.fixed) if self.memory.reserve_bits else 0):
            row: Row = {}
            for t, tensor in enumerate(self.memory.tensors):
                if step >= tensor.born:
                    later = max(step, self.memory.turn)
                    held = self.chip[t] if step <= tensor.last_forward else self._kept(self.chip[t], t, later)
                    self._add(row, held, tensor.bits)
            rows.add(tuple(sorted(row.items())))
        for key in sorted(rows):
            if key:
                terms = sum(bits * self._variables[index] for index, bits in key)
                self.model.add(terms <= min(self.memory.reserve_bits, self.memory.reach))  # (7)
