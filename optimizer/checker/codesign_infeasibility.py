"""Check of the reason why no hardware point serves all networks: which networks exclude each other, and the least
relaxations.

Designs for subsets of the networks are searched again; what remains undecided is named.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from optimizer.checker.claims.codesign import JointClaim
from optimizer.checker.design_checks import differences, verdict
from optimizer.checker.effort import Say
from optimizer.checker.infeasibility import SECONDS
from optimizer.checker.outcome import NOT_CHECKED, Check
from optimizer.checker.searches import CommonDesigns, Searches
from optimizer.checker.stored import StoredResult
from optimizer.problem.budget_text import rounded_up

Data = dict[str, Any]


def with_reason(claim: JointClaim, name: str) -> StoredResult:
    """The result of a network by itself, with the reason for its infeasibility taken from the co-design, to be checked
    with it.
    """
    alone = claim.result.alone[name]
    reason = (claim.result.data.get("infeasible") or {"alone": {}})["alone"].get(name)
    return alone if reason is None else replace(alone, data=alone.data | {"infeasible": reason})


def joint_blame_checks(claim: JointClaim, again: Searches | None, *, thorough: bool, say: Say) -> Iterator[Check]:
    """All checks of ``infeasible`` of a co-design; none where there is a joint design. Reasons of single networks are
    checked with these (:func:`with_reason`).
    """
    data = claim.result.data
    stated = data.get("infeasible")
    if (stated is not None) != (data["status"] == "INFEASIBLE"):
        yield Check("infeasible", False, f"{data['status']}, and a reason is {'stated' if stated else 'missing'}")
    if stated is None:
        return
    hopeless = [name for name in claim.names if claim.result.alone[name].data["status"] == "INFEASIBLE"]
    if hopeless:
        yield verdict("infeasible", list(_alone_faults(stated, hopeless)), "networks without a design even alone")
        return
    say("seeking a common design of those that exclude each other")
    until = None if thorough else time.perf_counter() + SECONDS
    problems = claim.result.data["problem"]["networks"]
    inquiry = _Inquiry(claim, stated, None if again is None else again.common_designs(problems, until))
    yield verdict("infeasible", list(inquiry.faults()), "who excludes whom, and relaxations, worked out again")
    yield from (Check(NOT_CHECKED, True, f"result.json: infeasible: {part}") for part in inquiry.unsettled)


def _alone_faults(stated: Data, hopeless: list[str]) -> Iterator[str]:
    expected = {
        "networks": hopeless,
        "relaxations": [],
        "alone": stated["alone"],
        "complete": all(reason["complete"] for reason in stated["alone"].values()),
    }
    yield from differences(stated, expected, "infeasible")
    if list(stated["alone"]) != hopeless:
        yield f"reasons are stated of {list(stated['alone'])}, without a design are {hopeless}"


class _Inquiry:
    """Compares a stated reason with designs for subsets of the networks; ``unsettled`` holds what remains undecided."""

    def __init__(self, claim: JointClaim, stated: Data, designs: CommonDesigns | None) -> None:
        self._claim, self._stated, self._designs = claim, stated, designs
        self.unsettled: list[str] = []

    def faults(self) -> Iterator[str]:
        """The networks exclude each other, none can be left out, and relaxations are the least."""
        stated, names = self._stated, self._claim.names
        yield from differences(
            stated,
            {key: stated.get(key) for key in ("networks", "relaxations", "complete")} | {"alone": {}},
            "infeasible",
        )
        if stated["networks"] != [name for name in names if name in stated["networks"]]:
            yield f"the networks to blame are {stated['networks']}, there are {list(names)}"
            return
        kept = [names.index(name) for name in stated["networks"]]
        yield from self._expect(kept, expected=False)
        if not stated["complete"]:
            if stated["relaxations"]:
                yield "relaxations, though the search for the reason was stopped"
            return
        for number in kept:
            yield from self._expect([n for n in kept if n != number], expected=True)
        expected = [entry for number in kept for entry in self._relaxations(kept, number)]
        if len(self.unsettled) == 0 and stated["relaxations"] != expected:
            yield f"the relaxations are {stated['relaxations']}, they should be {expected}"

    def _expect(self, numbers: Sequence[int], *, expected: bool) -> Iterator[str]:
        """Check that a design for these networks exists, or does not exist, as expected."""
        if not numbers:
            return
        text = " and ".join(self._claim.names[n] for n in numbers)
        found = None if self._designs is None else self._designs.exist(numbers)
        if found is None:
            self.unsettled.append(f"whether {text} have a common design")
        elif found != expected:
            yield f"{text} have {'a' if found else 'no'} common design"

    def _relaxations(self, kept: list[int], number: int) -> Iterator[Data]:
        """The expected relaxations for a network: the least latency and energy caps that admit a design."""
        some, budgets = self._claim.whole.some_point, self._claim.claims[number].architecture.budgets
        for name, unit, worth in (
            ("latency_ms", "ms", 1000 / (some.clock_mhz * 10**6)),
            ("energy_mj", "mJ", (some.energy_unit_pj or Fraction(1)) / 10**9),
        ):
            limit = getattr(budgets, name)
            if limit is None:
                continue
            settled, value = (False, None) if self._designs is None else self._designs.least(kept, number, name)
            if not settled:
                self.unsettled.append(f"the relaxation of {name} of {self._claim.names[number]}")
            elif value is not None:
                least = rounded_up((math.ceil(value) if name == "latency_ms" else value) * worth)
                text = f"{self._claim.names[number]} needs {least.normalize():f} {unit} beside the others"
                yield {
                    "network": self._claim.names[number],
                    "budget": name,
                    "limit": float(limit),
                    "least": float(least),
                    "exact": True,
                    "text": text,
                }
