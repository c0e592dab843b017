"""The kinds of results: a typed body per task, its certificate, and the files that they make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from optimizer.bodies.adjust import AdjustBody
from optimizer.bodies.certificates import Certificate, CodesignCertificate, SolveCertificate
from optimizer.bodies.codesign import CodesignBody
from optimizer.bodies.evaluation import EvaluationBody
from optimizer.bodies.hardware import HardwareEntry
from optimizer.bodies.head import Searched, StatedObjective
from optimizer.bodies.layers import LayerEntry
from optimizer.bodies.memory import MemoryBody
from optimizer.bodies.solve import SolveBody
from optimizer.bodies.sparse import SizingBody, SparseForms
from optimizer.bodies.study import FrontBody, StudyBody, StudyForms
from optimizer.results import formats
from optimizer.results.result import Files, Result, json_bytes


@dataclass(repr=False)
class ProvedResult(Result):
    """A result with its proof.

    Parameters
    ----------
    certificate : Certificate
        What closed every hardware point.
    """

    body: Searched
    certificate: Certificate

    @property
    def objective(self) -> StatedObjective:
        """The objective with its value and bound."""
        return self.body.objective

    def files(self) -> Files:
        """All files of the folder of this result."""
        return super().files() | {formats.CERTIFICATE_FILE: json_bytes(self.certificate)}


@dataclass(repr=False)
class SolveResult(ProvedResult):
    """The best design for a network, with its proof.

    Parameters
    ----------
    certificate : SolveCertificate
        The reason that closed every hardware point.
    beside : SolveResult, optional
        The best layer-by-layer design, or the best one without a constraint, if the body compares with it.
    """

    FORMAT = formats.SOLVE_FORMAT
    BODY = SolveBody

    body: SolveBody
    certificate: SolveCertificate
    beside: SolveResult | None = None

    def files(self) -> Files:
        """All files of the folder of this result."""
        found = super().files()
        if self.beside is not None:
            found |= inside(formats.WITHOUT if self.body.comparison is None else formats.BESIDE, self.beside.files())
        return found


@dataclass(repr=False)
class StudyResult(ProvedResult):
    """The optimum as a function of limits: the best design under the loosest ones, and all steps; or a front."""

    FORMAT = formats.STUDY_FORMAT
    BODY = StudyForms
    TABLES = ("designs", "cells", "layers", "accesses", "levels")

    body: StudyBody | FrontBody
    certificate: Certificate

    def files(self) -> Files:
        """All files of the folder of this result."""
        from optimizer.results.study_csv import study_files  # noqa: PLC0415

        return super().files() | {name: made(self.body).encode() for name, made in study_files(self.body)}


@dataclass(repr=False)
class CodesignResult(ProvedResult):
    """One hardware point for several networks, with its proof.

    Parameters
    ----------
    certificate : CodesignCertificate
    networks : dict of str to SolveResult
        Every network on the joint design: results with a single hardware point. Empty without a design.
    alone : dict of str to SolveResult
        The best design of every network by itself.
    """

    FORMAT = formats.CODESIGN_FORMAT
    BODY = CodesignBody
    TABLES = ("cross", "levels")

    body: CodesignBody
    certificate: CodesignCertificate
    networks: dict[str, SolveResult] = field(default_factory=dict)
    alone: dict[str, SolveResult] = field(default_factory=dict)

    @property
    def hardware(self) -> HardwareEntry | None:
        """The chosen hardware point; None without a design."""
        return None if self.body.chip is None else self.body.chip.hardware

    @property
    def area_um2(self) -> int | None:
        """Area of the hardware."""
        return None if self.body.chip is None else self.body.chip.area_um2

    def files(self) -> Files:
        """All files of the folder of this result."""
        from optimizer.results.codesign_folder import CROSS_FILE, PARTS, cross_csv, places  # noqa: PLC0415

        found = super().files() | {CROSS_FILE: cross_csv(self.body).encode()}
        for part in PARTS:
            results: dict[str, SolveResult] = getattr(self, part)
            for name, place in places(list(results)).items():
                found |= inside(f"{part}/{place}", results[name].files())
        return found


@dataclass(repr=False)
class EvaluationResult(Result):
    """Costs of user-given groups."""

    FORMAT = formats.EVALUATION_FORMAT
    MAIN = formats.EVALUATION_FILE
    BODY = EvaluationBody

    body: EvaluationBody


@dataclass(repr=False)
class MemoryResult(Result):
    """Memory of a training step over time, and the tensors that are kept or recomputed."""

    FORMAT = formats.MEMORY_FORMAT
    MAIN = formats.MEMORY_FILE
    BODY = MemoryBody
    TABLES = ("tensors", "over_time")

    body: MemoryBody


@dataclass(repr=False)
class SparseResult(Result):
    """A sparse engine, access patterns, a simulation, or accuracies."""

    FORMAT = formats.SPARSE_FORMAT
    MAIN = formats.SPARSE_FILE
    BODY = SparseForms
    TABLES = ("design", "junctions", "accuracies")

    body: SparseForms

    @property
    def objective(self) -> StatedObjective | None:
        """The objective of a sized engine; None of anything else."""
        return self.body.objective if isinstance(self.body, SizingBody) else None

    @property
    def wall_s(self) -> float | None:
        """Wall time in seconds of a sizing; None of anything else."""
        return self.body.wall_s if isinstance(self.body, SizingBody) else None


@dataclass(repr=False)
class AdjustResult(Result):
    """A network with other channel widths: the design before (None: not kept) and after, and the network itself.

    Parameters
    ----------
    original : SolveResult, optional
        The best design of the network as it was.
    adjusted : SolveResult, optional
        The best design of the adjusted network; None if there are no such widths.
    network_yaml : str
        The adjusted network.
    make_onnx : callable, optional
        Makes :attr:`network_onnx`, the same for other tools; None where it cannot be written, and ``body.onnx`` says
        why.
    """

    FORMAT = formats.ADJUST_FORMAT
    MAIN = formats.ADJUST_FILE
    BODY = AdjustBody
    TABLES = ("classes", "layers")

    body: AdjustBody
    original: SolveResult | None = None
    adjusted: SolveResult | None = None
    network_yaml: str = ""
    make_onnx: Callable[[], bytes] | None = field(default=None, compare=False)

    @property
    def network_onnx(self) -> bytes | None:
        """The adjusted network as an ONNX model, made anew each time: its weights may take 2 GiB."""
        return None if self.make_onnx is None else self.make_onnx()

    @property
    def layers(self) -> tuple[LayerEntry, ...]:
        """The layers of the adjusted design."""
        return () if self.adjusted is None else self.adjusted.layers

    def files(self) -> Files:
        """All files of the folder of this result."""
        found = super().files()
        if self.adjusted is not None and self.original is not None:
            found |= inside(formats.ORIGINAL, self.original.files()) | self.adjusted.files()
            found[formats.ADJUSTED_YAML] = self.network_yaml.encode()
            found |= {} if self.make_onnx is None else {formats.ADJUSTED_ONNX: self.make_onnx()}
        return found


def inside(folder: str, files: Files) -> Files:
    """The files one folder down."""
    return {f"{folder}/{name}": content for name, content in files.items()}
