"""Certificates: the reason that closes every box of hardware points, in exact numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from optimizer.files.records import Forms
from optimizer.problem.status import Status

Side = tuple[int, int]
"""First and last entry of a menu."""
Menus = Mapping[str, tuple[object, ...]]
CERTIFICATE_FORMAT = "tilewright-certificate/1"
FRONT_FORMAT = "tilewright-front/1"
"""Format of a front's certificate."""
CODESIGN_CERTIFICATE_FORMAT = "tilewright-codesign-certificate/1"


@dataclass(frozen=True, kw_only=True)
class BoundedPart:
    """A layer that layer bounds refer to, or a whole fused network, and how often it runs."""

    name: str
    count: int


@dataclass(frozen=True, kw_only=True)
class ClosedBox:
    """A box of hardware points, why it is closed, and what that rests on."""

    box: tuple[Side, ...]
    points: int
    closed_by: str
    area_um2: int
    bound: Fraction
    energy_floors: tuple[int, ...]
    latency_floors: tuple[int, ...]
    bound_of_point: tuple[int, ...] | None = None
    resources: Mapping[str, int] | None = None


@dataclass(frozen=True, kw_only=True)
class JointBox:
    """A box of a co-design: layer bounds network by network, and the bounds of the networks."""

    box: tuple[Side, ...]
    points: int
    closed_by: str
    area_um2: int
    bound: Fraction
    energy_floors: tuple[tuple[int, ...], ...]
    latency_floors: tuple[tuple[int, ...], ...]
    bound_of_point: tuple[int, ...] | None = None
    resources: Mapping[str, int] | None = None
    bounds: tuple[Fraction, ...]


@dataclass(frozen=True, kw_only=True)
class TangentLine:
    """Per layer the least of energy plus `weight` times latency."""

    weight: int
    values: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class FrontBox:
    """A box of a front: ``fixed`` are energy and cycles of the vector layers."""

    box: tuple[Side, ...]
    points: int
    closed_by: str
    area_um2: int
    fixed: tuple[int, ...]
    lines: tuple[TangentLine, ...]
    latency_floors: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class NetworkParts:
    """A network of a co-design and what its layer bounds refer to."""

    name: str
    layers: tuple[BoundedPart, ...]


@dataclass(frozen=True, kw_only=True)
class ExactColumn:
    """Energy units and cycles of every network on a design; a status where there is none."""

    made_for: tuple[str, ...]
    design: tuple[int, ...]
    networks: tuple[object, ...]


class Certificate(Forms):
    """Contents of ``certificate.json``."""

    @classmethod
    def form_of(cls, data: Mapping[str, object]) -> type[Certificate]:
        """By the format; an unknown one is refused there."""
        forms: dict[str, type[Certificate]] = {
            FRONT_FORMAT: FrontCertificate,
            CODESIGN_CERTIFICATE_FORMAT: CodesignCertificate,
        }
        return forms.get(str(data.get("format")), SolveCertificate)


@dataclass(frozen=True, kw_only=True)
class SolveCertificate(Certificate):
    """The certificate of a solve, or of a study of limits on the hardware."""

    format: str
    problem_hash: str
    status: Status
    objective: str
    accounting: str
    space: str
    padding: Mapping[str, Mapping[str, tuple[int, ...]]]
    value: Fraction | None
    bound: Fraction
    master_optimum: Fraction | None
    design: tuple[int, ...] | None
    menus: Menus
    layers: tuple[BoundedPart, ...]
    boxes: tuple[ClosedBox, ...]


@dataclass(frozen=True, kw_only=True)
class CodesignCertificate(Certificate):
    """The certificate of a co-design."""

    format: str
    problem_hash: str
    status: Status
    objective: str
    aggregate: str
    weights: tuple[Fraction, ...] | None
    powers: tuple[int, ...] | None
    accounting: str
    value: Fraction | None
    bound: Fraction
    master_optimum: Fraction | None
    design: tuple[int, ...] | None
    menus: Menus
    networks: tuple[NetworkParts, ...]
    cross: tuple[ExactColumn, ...]
    boxes: tuple[JointBox, ...]


@dataclass(frozen=True, kw_only=True)
class FrontCertificate(Certificate):
    """The certificate of a front in energy and latency."""

    format: str
    problem_hash: str
    accounting: str
    space: str
    padding: Mapping[str, Mapping[str, tuple[int, ...]]]
    tolerance: Fraction
    menus: Menus
    layers: tuple[BoundedPart, ...]
    boxes: tuple[FrontBox, ...]
