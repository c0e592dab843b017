"""What results of all tasks have in common."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from optimizer.bodies.adjust import AdjustBody
from optimizer.bodies.codesign import CodesignBody
from optimizer.bodies.evaluation import EvaluationBody
from optimizer.bodies.hardware import HardwareEntry
from optimizer.bodies.head import Body, Head, Rated, Reconciled, Searched, StatedObjective, Versioned, Warned
from optimizer.bodies.layers import LayerEntry
from optimizer.bodies.memory import MemoryBody
from optimizer.bodies.solve import Design, SolveBody
from optimizer.bodies.sparse import SparseForms
from optimizer.bodies.study import FrontBody
from optimizer.files.records import Json, to_json
from optimizer.problem.status import Status, Termination
from optimizer.results import formats
from optimizer.results.units import energy_text, number_text

if TYPE_CHECKING:
    import pandas

Files = dict[str, bytes]
"""Contents of the files of a folder by their paths in it."""


def json_bytes(record: object) -> bytes:
    """The JSON file of a record."""
    return json.dumps(to_json(record), indent=1, allow_nan=False).encode() + b"\n"


@dataclass
class Result:
    """The result of a task: what its main file holds, as a record.

    Parameters
    ----------
    body : Body
        Status, objective, design, and the problem itself; each kind of result has its own class of
        :mod:`optimizer.bodies`.
    """

    FORMAT: ClassVar[str]
    MAIN: ClassVar[str] = formats.RESULT_FILE
    BODY: ClassVar[type]
    TABLES: ClassVar[tuple[str, ...]] = ("layers", "accesses", "levels")

    body: Body

    @property
    def status(self) -> Status:
        """What is proved; EVALUATED if nothing was chosen."""
        return self.body.status if isinstance(self.body, Rated) else Status.EVALUATED

    @property
    def termination(self) -> Termination:
        """Why the search ended. Results computed by CP-SAT alone do not state it: only their time limit ends them
        early.
        """
        if isinstance(self.body, Searched):
            return self.body.termination
        return Termination.COMPLETE if self.status.is_proved else Termination.TIME_LIMIT

    @property
    def objective(self) -> StatedObjective | None:
        """The objective with its value and bound; None if nothing was chosen."""
        return self.body.objective if isinstance(self.body, Head) else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the inputs."""
        return self.body.warnings if isinstance(self.body, Warned) else ()

    @property
    def versions(self) -> Mapping[str, str]:
        """Versions of the packages that computed the result."""
        return self.body.versions if isinstance(self.body, Versioned) else {}

    @property
    def wall_s(self) -> float | None:
        """Wall time in seconds."""
        return self.body.wall_s if isinstance(self.body, Head) else None

    @property
    def problem_hash(self) -> str | None:
        """Hash of the problem, equal only for equal problems."""
        return self.body.problem_hash if isinstance(self.body, Head) else None

    @property
    def disagreements(self) -> tuple[str, ...]:
        """What parts of Tilewright disagree about; then nothing is proved."""
        return (self.body.disagreements or ()) if isinstance(self.body, Reconciled) else ()

    @property
    def design(self) -> Design | None:
        """The design of one network; None without one."""
        return self.body.design if isinstance(self.body, SolveBody | EvaluationBody) else None

    @property
    def layers(self) -> tuple[LayerEntry, ...]:
        """The layers of the design, in the order of the network; empty without a design."""
        return () if self.design is None else self.design.layers

    @property
    def hardware(self) -> HardwareEntry | None:
        """The chosen hardware point; None without a design."""
        return None if self.design is None else self.design.hardware

    @property
    def energy_pj(self) -> float | None:
        """Energy of one run of the network in pJ, or in multiples of the energy of a multiplication if the technology
        has no unit.
        """
        return None if self.design is None else self.design.energy_pj

    @property
    def latency_cycles(self) -> float | None:
        """Cycles of one run of the network."""
        return None if self.design is None else self.design.latency_cycles

    @property
    def area_um2(self) -> int | None:
        """Area of the hardware."""
        return None if self.design is None else self.design.area_um2

    def add_warnings(self, lines: Sequence[str]) -> None:
        """State these warnings as well, if the body of this kind of result states any."""
        if isinstance(self.body, Warned):
            new = tuple(line for line in lines if line not in self.body.warnings)
            self.body = replace(self.body, warnings=(*self.body.warnings, *new))

    def to_json(self) -> Json:
        """Contents of the main file."""
        return to_json(self.body)

    def files(self) -> Files:
        """All files of the folder of this result."""
        return {self.MAIN: json_bytes(self.body)}

    def to_dataframe(self, table: str = "") -> pandas.DataFrame:
        """A table of the result, one row per entry.

        Parameters
        ----------
        table : str
            One of ``TABLES`` of the class; by default the first.

        Raises
        ------
        SpecError
            If there is no such table.
        UnavailableError
            If pandas is not installed (it comes with OR-Tools).
        """
        from optimizer.results.dataframes import dataframe  # noqa: PLC0415

        return dataframe(self, table or self.TABLES[0])

    def _repr_html_(self) -> str:
        from optimizer.results.dataframes import html  # noqa: PLC0415

        return html(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {headline(self)}>"


def headline(result: Result) -> str:
    """Status, objective, network and architecture in one line; of a simulation or a report its kind."""
    body, goal = result.body, result.objective
    parts = [body.kind if isinstance(body, SparseForms) and not isinstance(body, Rated) else str(result.status)]
    if goal is not None and goal.value is not None:
        energy = goal.unit == "pJ"
        value = energy_text(goal.value) if energy else f"{number_text(goal.value)} {goal.unit or ''}".rstrip()
        parts.append(f"{goal.name} {value}")
        if goal.gap:
            parts.append(f"gap {100 * goal.gap:.2g} %")
    return "  ".join([*parts, *_subject(body)])


def _subject(body: Body) -> tuple[str, ...]:
    """The networks that a body is about, and their architecture, as one text; none for sparse engines."""
    match body:
        case CodesignBody():
            return (f"{', '.join(entry.name for entry in body.networks)} on {body.architecture}",)
        case MemoryBody():
            return (body.network,)
        case SolveBody() | FrontBody() | EvaluationBody() | AdjustBody():
            return (f"{body.network} on {body.architecture}",)
    return ()
