"""What results of all tasks have in common."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from optimizer.bodies.codesign import CodesignBody
from optimizer.bodies.hardware import HardwareEntry
from optimizer.bodies.layers import LayerEntry
from optimizer.bodies.solve import Design
from optimizer.files.records import Json, to_json
from optimizer.problem.status import Status, Termination
from optimizer.results import formats

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
    body : record
        Status, objective, design, and the problem itself; see :mod:`optimizer.bodies`.
    """

    FORMAT: ClassVar[str]
    MAIN: ClassVar[str] = formats.RESULT_FILE
    BODY: ClassVar[type]
    TABLES: ClassVar[tuple[str, ...]] = ("layers", "accesses", "levels")

    body: Any

    @property
    def status(self) -> Status:
        """The status: what is proved."""
        found: Status = self.body.status
        return found

    @property
    def termination(self) -> Termination:
        """Why the search ended. Results computed by CP-SAT alone do not state it: only their time limit ends them
        early.
        """
        if hasattr(self.body, "termination"):
            return Termination(self.body.termination)
        return Termination.COMPLETE if self.status.is_proved else Termination.TIME_LIMIT

    @property
    def objective(self) -> Any:
        """The objective with its value and bound; None if nothing was chosen."""
        return getattr(self.body, "objective", None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the inputs."""
        return getattr(self.body, "warnings", ())

    @property
    def versions(self) -> Mapping[str, str]:
        """Versions of the packages that computed the result."""
        return getattr(self.body, "versions", {})

    @property
    def wall_s(self) -> float | None:
        """Wall time in seconds."""
        return getattr(self.body, "wall_s", None)

    @property
    def problem_hash(self) -> str | None:
        """Hash of the problem, equal only for equal problems."""
        return getattr(self.body, "problem_hash", None)

    @property
    def disagreements(self) -> tuple[str, ...]:
        """What parts of Tilewright disagree about; then nothing is proved."""
        return getattr(self.body, "disagreements", None) or ()

    @property
    def design(self) -> Design | None:
        """The design of one network; None without one."""
        found = getattr(self.body, "design", None)
        return found if isinstance(found, Design) else None

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
        """State these warnings as well."""
        new = tuple(line for line in lines if line not in self.warnings)
        self.body = replace(self.body, warnings=(*self.warnings, *new))

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
    """Status, objective, network and architecture in one line."""
    goal, body = result.objective, result.body
    parts = [str(getattr(body, "status", getattr(body, "kind", "")))]
    value, gap = (getattr(goal, name, None) for name in ("value", "gap"))
    if value is not None:
        parts.append(f"{goal.name} {value:.5g} {goal.unit or ''}".rstrip())
        if gap:
            parts.append(f"gap {100 * gap:.2g} %")
    names = list(_networks(body))
    if names:
        architecture = getattr(body, "architecture", None)
        parts.append(", ".join(names) + (f" on {architecture}" if architecture else ""))
    return "  ".join(parts)


def _networks(body: Any) -> Iterator[str]:
    """Names of the networks that a body is about."""
    if isinstance(body, CodesignBody):
        yield from (entry.name for entry in body.networks)
    elif hasattr(body, "network"):
        yield str(body.network)
