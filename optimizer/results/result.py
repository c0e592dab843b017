"""Results of all tasks: a common head, and a body per task."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from optimizer.problem.status import Status, Termination
from optimizer.results import formats
from optimizer.results.entries import HardwareEntry, LayerEntry, Objective

if TYPE_CHECKING:
    import pandas

Data = dict[str, Any]
Files = dict[str, bytes]
"""Contents of the files of a folder by their paths in it."""


def json_bytes(data: Data) -> bytes:
    """A JSON file."""
    return json.dumps(data, indent=1, allow_nan=False).encode() + b"\n"


@dataclass
class Result:
    """The result of a task, with its proof.

    Parameters
    ----------
    data : dict
        Contents of the main file: status, objective, design, and the problem itself.
    certificate : dict
        Contents of ``certificate.json``: the reason that closed every hardware point; empty where nothing was explored.
    beside : Result, optional
        The best layer-by-layer design, if the data has a section ``comparison``.
    """

    FORMAT: ClassVar[str] = formats.SOLVE_FORMAT
    MAIN: ClassVar[str] = formats.RESULT_FILE
    TABLES: ClassVar[tuple[str, ...]] = ("layers", "accesses", "levels")

    data: Data
    certificate: Data = field(default_factory=dict)
    beside: Result | None = None

    @property
    def status(self) -> Status:
        """The status: what is proved."""
        return Status(self.data["status"])

    @property
    def termination(self) -> Termination:
        """Why the search ended. Results computed by CP-SAT alone do not state it: only their time limit ends them
        early.
        """
        if "termination" in self.data:
            return Termination(self.data["termination"])
        return Termination.COMPLETE if self.status.is_proved else Termination.TIME_LIMIT

    @property
    def objective(self) -> Objective | None:
        """The objective with its value and bound; None if nothing was chosen."""
        stated = self.data.get("objective")
        return Objective.of(stated) if isinstance(stated, dict) else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the inputs."""
        return tuple(self.data.get("warnings", ()))

    @property
    def versions(self) -> Mapping[str, str]:
        """Versions of the packages that computed the result."""
        return dict(self.data.get("versions", {}))

    @property
    def wall_s(self) -> float | None:
        """Wall time in seconds."""
        return self.data.get("wall_s")

    @property
    def problem_hash(self) -> str | None:
        """Hash of the problem, equal only for equal problems."""
        return self.data.get("problem_hash")

    @property
    def layers(self) -> tuple[LayerEntry, ...]:
        """The layers of the design, in the order of the network; empty without a design."""
        return tuple(LayerEntry.of(entry) for entry in self.data.get("layers", ()))

    @property
    def hardware(self) -> HardwareEntry | None:
        """The chosen hardware point; None without a design."""
        stated = self.data.get("hardware")
        return HardwareEntry.of(stated) if isinstance(stated, dict) and "levels" in stated else None

    @property
    def energy_pj(self) -> float | None:
        """Energy of one run of the network in pJ, or in multiples of the energy of a multiplication if the technology
        has no unit.
        """
        return self.data.get("energy_pj")

    @property
    def latency_cycles(self) -> float | None:
        """Cycles of one run of the network."""
        return self.data.get("latency_cycles")

    @property
    def area_um2(self) -> int | None:
        """Area of the hardware."""
        return self.data.get("area_um2")

    def files(self) -> Files:
        """All files of the folder of this result."""
        found = {formats.RESULT_FILE: json_bytes(self.data), formats.CERTIFICATE_FILE: json_bytes(self.certificate)}
        if self.beside is not None:
            found |= inside(formats.BESIDE, self.beside.files())
        return found

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
        return f"<{type(self).__name__} {headline(self.data)}>"


class StudyResult(Result):
    """The optimum as a function of limits: the data of the best design, and ``study`` with all steps."""

    FORMAT = formats.STUDY_FORMAT
    TABLES = ("designs", "cells", "layers", "accesses", "levels")

    def files(self) -> Files:
        """All files of the folder of this result."""
        from optimizer.results.study_csv import study_files  # noqa: PLC0415

        return super().files() | {name: made(self.data).encode() for name, made in study_files(self.data)}


@dataclass(repr=False)
class CodesignResult(Result):
    """One hardware point for several networks, with its proof.

    Parameters
    ----------
    networks : dict of str to Result
        Every network on the joint design: results with a single hardware point. Empty without a design.
    alone : dict of str to Result
        The best design of every network by itself.
    """

    FORMAT = formats.CODESIGN_FORMAT
    TABLES = ("cross", "levels")

    networks: dict[str, Result] = field(default_factory=dict)
    alone: dict[str, Result] = field(default_factory=dict)

    def files(self) -> Files:
        """All files of the folder of this result."""
        from optimizer.results.codesign_folder import CROSS_FILE, PARTS, cross_csv, places  # noqa: PLC0415

        found = super().files() | {CROSS_FILE: cross_csv(self.data).encode()}
        for part in PARTS:
            results: dict[str, Result] = getattr(self, part)
            for name, place in places(list(results)).items():
                found |= inside(f"{part}/{place}", results[name].files())
        return found


class EvaluationResult(Result):
    """Costs of user-given groups."""

    FORMAT = formats.EVALUATION_FORMAT
    MAIN = formats.EVALUATION_FILE

    def files(self) -> Files:
        """All files of the folder of this result."""
        return {self.MAIN: json_bytes(self.data)}


class MemoryResult(EvaluationResult):
    """Memory of a training step over time, and the tensors that are kept or recomputed."""

    FORMAT = formats.MEMORY_FORMAT
    MAIN = formats.MEMORY_FILE
    TABLES = ("tensors", "over_time")


class SparseResult(EvaluationResult):
    """A sparse engine, access patterns, a simulation, or accuracies."""

    FORMAT = formats.SPARSE_FORMAT
    MAIN = formats.SPARSE_FILE
    TABLES = ("design", "junctions", "accuracies")

    @property
    def status(self) -> Status:
        """The status; EVALUATED if nothing was chosen."""
        return Status(self.data.get("status", Status.EVALUATED))

    @classmethod
    def of(cls, data: Data) -> SparseResult:
        """The result with these contents."""
        return cls({"format": cls.FORMAT, **data})


@dataclass(repr=False)
class AdjustResult(Result):
    """A network with other channel widths: the design before (None: not kept) and after, and the network itself.

    Parameters
    ----------
    original : Result, optional
        The best design of the network as it was.
    adjusted : Result, optional
        The best design of the adjusted network; None if there are no such widths.
    network_yaml : str
        The adjusted network.
    network_onnx : bytes, optional
        The same for other tools; None where it cannot be written, and ``data["onnx"]`` says why.
    """

    FORMAT = formats.ADJUST_FORMAT
    MAIN = formats.ADJUST_FILE
    TABLES = ("classes", "layers")

    original: Result | None = None
    adjusted: Result | None = None
    network_yaml: str = ""
    network_onnx: bytes | None = None

    @property
    def layers(self) -> tuple[LayerEntry, ...]:
        """The layers of the adjusted design."""
        return () if self.adjusted is None else self.adjusted.layers

    def files(self) -> Files:
        """All files of the folder of this result."""
        found = {self.MAIN: json_bytes(self.data)}
        if self.adjusted is not None and self.original is not None:
            found |= inside(formats.ORIGINAL, self.original.files()) | self.adjusted.files()
            found[formats.ADJUSTED_YAML] = self.network_yaml.encode()
            found |= {} if self.network_onnx is None else {formats.ADJUSTED_ONNX: self.network_onnx}
        return found


def inside(folder: str, files: Files) -> Files:
    """The files one folder down."""
    return {f"{folder}/{name}": content for name, content in files.items()}


def headline(data: Data) -> str:
    """Status, objective, network and architecture in one line."""
    stated = data.get("objective")
    parts = [str(data.get("status", data.get("kind", "")))]
    if isinstance(stated, dict) and stated.get("value") is not None:
        parts.append(f"{stated['name']} {stated['value']:.5g} {stated.get('unit', '')}".rstrip())
        if stated.get("gap"):
            parts.append(f"gap {100 * stated['gap']:.2g} %")
    networks: Iterable[Any] = data.get("networks") or [data.get("network")]
    names = [str(one["name"] if isinstance(one, dict) else one) for one in networks if one]
    if names:
        parts.append(", ".join(names) + (f" on {data['architecture']}" if data.get("architecture") else ""))
    return "  ".join(parts)
