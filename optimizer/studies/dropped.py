"""Constraints that a study drops: a limit of 0 keeps one, a limit of 1 drops it.

A point that breaks the constraint counts 1, any other 0. So the staircase over this limit holds the optimum with the
constraint and the one without it, where that is better, each with its proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.constrain import without_constraints
from optimizer.architecture.constraints import Constraint
from optimizer.architecture.hardware import Hardware
from optimizer.bodies.study import CONSTRAINT
from optimizer.errors import SpecError
from optimizer.files.records import Json
from optimizer.studies.metrics import Range


@dataclass(frozen=True)
class ConstraintRange(Range):
    """A constraint to drop.

    Parameters
    ----------
    constraint : Constraint
    stated : mapping
        A table as the architecture states it, a relation under the key ``relation``.
    """

    constraint: Constraint | None = None
    stated: Json | None = None

    def of(self, point: Hardware) -> Fraction:
        """1 where a hardware point breaks the constraint, else 0."""
        assert self.constraint is not None
        return Fraction(not self.constraint.holds(point))


def freed(architecture: Architecture, vary: Sequence[Range]) -> tuple[Architecture, tuple[Range, ...]]:
    """The architecture without the constraints that are varied, and the ranges that hold them.

    Raises
    ------
    SpecError
        If the architecture does not state a constraint of this name, or its range has ends.
    """
    names = [varied.name.removeprefix(CONSTRAINT) for varied in vary if varied.name.startswith(CONSTRAINT)]
    if not names:
        return architecture, tuple(vary)
    stated = () if architecture.source is None else architecture.source.get("constraints", ())
    known = {one.title: (one, raw) for one, raw in zip(architecture.constraints, stated, strict=True)}
    ranges: list[Range] = []
    for varied in vary:
        title = " ".join(varied.name.removeprefix(CONSTRAINT).split())
        if not varied.name.startswith(CONSTRAINT):
            ranges.append(varied)
        elif title in {one.title for one in architecture.mapping}:
            raise SpecError(
                "this constraint is on mappings, and a staircase varies limits on the hardware",
                file=architecture.file,
                field="--constraint",
                value=title,
                allowed="; ".join(known) or "none: there are no constraints on sizes",
                remedy="drop it alone: `study --constraint`, in Python optimizer.compare(..., without=...)",
            )
        elif title not in known or (varied.low, varied.high) != (None, None):
            raise SpecError(
                "the architecture states no constraint of this name" if title not in known else "it has no range",
                file=architecture.file,
                field="--constraint",
                value=title if title not in known else [varied.low, varied.high],
                allowed="; ".join([*known, *(one.title for one in architecture.mapping)])
                or "none: there are no constraints",
                remedy="name one as results do: by its text, a table by its name",
            )
        else:
            constraint, raw = known[title]
            entry = {"relation": raw} if isinstance(raw, str) else raw
            ranges.append(ConstraintRange(CONSTRAINT + title, None, None, constraint, entry))
    titles = [varied.name.removeprefix(CONSTRAINT) for varied in ranges]
    return without_constraints(architecture, titles), tuple(ranges)
