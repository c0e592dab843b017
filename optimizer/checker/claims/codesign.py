"""The claims of a co-design, rebuilt from its files: one per network, and the joint claim."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from optimizer.architecture.boxes import Box
from optimizer.checker.claims.solve import Claim, rebuild
from optimizer.checker.stored import StoredCodesign

Data = dict[str, Any]
DIGITS = 60
MOST_POWERS = 64
"""What the powers of a geometric mean may add up to."""


@dataclass(frozen=True)
class ClaimedColumn:
    """A design of the cross table as the certificate states it.

    ``cells`` are energy units and cycles of every network, or the status of one that has no design there.
    """

    made_for: tuple[str, ...]
    box: Box
    cells: tuple[tuple[int, int] | str, ...]


@dataclass(frozen=True)
class JointClaim:
    """The files of a co-design, and the problem they are about.

    ``claims`` are those of the networks; their entries have the layer bounds and the bound of one network. The entries
    of ``whole`` have all layer bounds and the joint bound. ``weights`` are the ones that apply; None if there are none.
    """

    result: StoredCodesign
    names: tuple[str, ...]
    claims: tuple[Claim, ...]
    whole: Claim
    kind: str
    weights: tuple[Fraction, ...] | None
    columns: tuple[ClaimedColumn, ...]

    @property
    def powers(self) -> tuple[int, ...]:
        """Whole numbers without a common factor, in the ratios of the weights."""
        weights = self.weights or ()
        common = math.lcm(*(weight.denominator for weight in weights))
        whole = [weight.numerator * (common // weight.denominator) for weight in weights]
        divisor = math.gcd(*whole)
        return tuple(number // divisor for number in whole)

    def join(self, values: Sequence[Fraction]) -> Fraction:
        """The aggregate of exact values: product of powers, weighted sum, or largest weighted value."""
        if self.kind == "geomean":
            product = Fraction(1)
            for value, power in zip(values, self.powers, strict=True):
                product *= value**power
            return product
        parts = [weight * value for weight, value in zip(self.weights or (), values, strict=True)]
        return sum(parts, Fraction(0)) if self.kind == "weighted" else max(parts)

    def mean(self, value: Fraction) -> Decimal:
        """The reported value of an aggregate; the root of a product."""
        exact = Context(prec=DIGITS)
        quotient = exact.divide(Decimal(value.numerator), Decimal(value.denominator))
        if self.kind != "geomean" or not value:
            return quotient
        return exact.power(quotient, exact.divide(Decimal(1), Decimal(sum(self.powers))))


def rebuild_joint(result: StoredCodesign) -> JointClaim:
    """Rebuild the claim from the ``problem`` section and from the boxes and the cross table of the certificate.

    Raises
    ------
    SpecError, KeyError, TypeError, ValueError
        If something is missing or makes no sense.
    """
    data, certificate = result.data, result.certificate
    problem = data["problem"]
    if problem["aggregate"] not in ("geomean", "weighted", "max"):
        raise ValueError(f"unknown aggregate {problem['aggregate']!r}")
    claims = [_network_claim(result, n) for n in range(len(problem["networks"]))]
    names = tuple(claim.network.name for claim in claims)
    raw = [_flat(box) for box in certificate["boxes"]]
    first = rebuild({"problem": problem["networks"][0]}, {"boxes": raw})
    entries = tuple(
        replace(entry, bounds=tuple(map(Fraction, box["bounds"])))
        for entry, box in zip(first.entries, certificate["boxes"], strict=True)
    )
    weights = certificate["weights"]
    claim = JointClaim(
        result,
        names,
        tuple(claims),
        replace(first, data=data, certificate=certificate, entries=entries),
        problem["aggregate"],
        None if weights is None else tuple(map(Fraction, weights)),
        tuple(_column(column, len(names)) for column in certificate["cross"]),
    )
    if claim.kind == "geomean" and weights is not None and sum(map(abs, claim.powers)) > MOST_POWERS:
        raise ValueError(f"the weights {weights} need powers of which the sum exceeds {MOST_POWERS}")
    return claim


def _flat(box: Data) -> Data:
    """A box with the layer bounds of all networks in one list."""
    return box | {
        name: [n for layer_bounds in box[name] for n in layer_bounds] for name in ("energy_floors", "latency_floors")
    }


def _network_claim(result: StoredCodesign, number: int) -> Claim:
    """The claim of one network: its layer bounds, and its bound where one is stated."""
    certificate = result.certificate
    boxes = [
        box
        | {
            "energy_floors": box["energy_floors"][number],
            "latency_floors": box["latency_floors"][number],
            "bound": box["bounds"][number] if box["bounds"] else "0",
        }
        for box in certificate["boxes"]
    ]
    data = {"problem": result.data["problem"]["networks"][number], "problem_hash": result.data["problem_hash"]}
    return rebuild(data, {"boxes": boxes, "design": certificate["design"], "value": None})


def _column(raw: Data, networks: int) -> ClaimedColumn:
    cells = tuple(cell if isinstance(cell, str) else (int(cell[0]), int(cell[1])) for cell in raw["networks"])
    if len(cells) != networks:
        raise ValueError(f"a column of the cross table with {len(cells)} of {networks} networks")
    return ClaimedColumn(tuple(raw["made_for"]), tuple((n, n) for n in raw["design"]), cells)
