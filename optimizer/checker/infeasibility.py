"""Check of INFEASIBLE and its reason: no design exists, the named budgets exclude every design, relaxations are least.

Everything is computed again by :class:`optimizer.checker.feasible_designs.Possible`, and compared field by field. What
is undecided within the time is named.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any

from optimizer.architecture.fabric import RESOURCES
from optimizer.checker.claims.solve import Claim
from optimizer.checker.design_checks import differences, verdict
from optimizer.checker.effort import Say
from optimizer.checker.feasible_designs import Examine, Possible, lacking
from optimizer.checker.outcome import NOT_CHECKED, Check, not_searched
from optimizer.checker.searches import Searches
from optimizer.files.quantities import size_text
from optimizer.problem.budget_text import CAPS, CHIP, SUBJECTS, UNITS, rounded_up, within_text
from optimizer.problem.cap_blame import Needed, blamed_caps
from optimizer.problem.off_chip import BUDGET, excess_of, memory_relaxation
from optimizer.problem.serving_caps import caps_in

Data = dict[str, Any]
SECONDS = 60.0
OPEN = "not settled"


def blame_checks(
    claim: Claim, examine: Examine, again: Searches | None, *, thorough: bool, say: Say
) -> Iterator[Check]:
    """All checks of a result without a design; none of a result with one.

    Parameters
    ----------
    claim : Claim
    examine : callable
        All checks of a result, but not these.
    again : Searches, optional
        Without it, what counting does not decide is named as not checked.
    thorough : bool
        No time limit; else at most :data:`SECONDS`.
    """
    status, stated = claim.data["status"], claim.data.get("infeasible")
    if status != "INFEASIBLE":
        if stated is not None:
            yield Check("infeasible", False, f"a reason why nothing is feasible, but the status is {status}")
        return
    none_asked = "study" in claim.data and "infeasible" not in claim.data
    if not none_asked and (not isinstance(stated, dict) or type(stated.get("complete")) is not bool):
        yield Check("infeasible", False, "INFEASIBLE, and what is to blame is not stated")
        return
    excess = excess_of(claim.network, claim.architecture.budgets)
    if excess is not None:
        expected = {
            "budgets": [BUDGET],
            "relaxations": [memory_relaxation(claim.network, claim.architecture.budgets, excess)],
            "complete": True,
            "memory": excess._asdict(),
        }
        yield verdict("infeasible", list(differences(stated, expected)), "what does not fit off chip counted again")
        return
    if isinstance(stated, dict):
        yield from _caps_check(claim, stated)
    if claim.rules:
        yield from _ruled_out(claim, stated)
        return
    if not claim.points.is_listed:
        yield Check(NOT_CHECKED, True, "result.json: infeasible (its chips are too many to list)")
        return
    say("seeking a design after all")
    possible = Possible(claim, examine, again, None if thorough else SECONDS)
    yield from _no_design(possible, searched=again is not None)
    if stated is None:
        return
    if not possible.chips:
        yield verdict("infeasible", list(_size_faults(possible, stated)), "sizes counted again")
        return
    say("working out the reason again")
    inquiry = _Inquiry(possible, stated)
    faults = [*inquiry.blame_faults(), *inquiry.relaxation_faults(), *inquiry.removal_faults(), *possible.faults]
    yield verdict("infeasible", faults, "budgets to blame and least relaxations worked out again")
    yield from (Check(NOT_CHECKED, True, f"result.json: infeasible: {part}") for part in inquiry.unsettled)


def _caps_check(claim: Claim, stated: Data) -> Iterator[Check]:
    """The caps of a language model that stand behind the blamed budgets, in their own units."""
    caps, serving = caps_in(claim.data["problem"]), claim.network.serving
    expected = None
    if caps is not None and serving is not None:
        needed = {entry["budget"]: Needed(entry["least"], entry["exact"]) for entry in stated["relaxations"]}
        expected = [one._asdict() for one in blamed_caps(caps, serving, stated["budgets"], needed)] or None
    if expected is not None or "caps" in stated:
        faults = [] if stated.get("caps") == expected else [f"{stated.get('caps')}, they should be {expected}"]
        yield verdict("caps to blame", faults, "those behind the blamed budgets, in their units")


def _ruled_out(claim: Claim, stated: Data | None) -> Iterator[Check]:
    """Under constraints on mappings the boxes alone show that there is no design; what is blamed must be stated."""
    known = {one.title for one in (*claim.architecture.constraints, *claim.rules)}
    blamed = [] if stated is None else [*(stated.get("constraints") or []), *(stated.get("removable") or [])]
    faults = [f"there is no constraint {name}" for name in blamed if name not in known]
    layers = [group.layer.name for group in claim.groups]
    layer = None if stated is None else stated.get("layer")
    faults += [] if layer is None or layer in layers else [f"there is no layer {layer}"]
    yield verdict("infeasible", faults, "what is blamed is part of the problem")
    yield Check(NOT_CHECKED, True, "result.json: which constraints on mappings are to blame")


def _no_design(possible: Possible, *, searched: bool) -> Iterator[Check]:
    found = possible.possible(possible.limits)
    if found is None and not searched:
        yield not_searched("result.json: that there is no design")
    elif found is None:
        yield Check(NOT_CHECKED, True, "result.json: that there is no design (sought again, not settled in time)")
    else:
        yield Check("no design", not found, "there is a design within all budgets" if found else "none found anew")


def _size_faults(possible: Possible, stated: Data) -> Iterator[str]:
    """No point holds every layer: the levels to blame, the layer that needs most, what it needs."""
    points = possible.menu_points
    corner = points.corner(points.whole)
    found = list(lacking(possible.claim, corner))
    relaxations = []
    for number, layer, need in found:
        level = corner.levels[number]
        text = f"{level.name} needs {_bits(need * level.buffering)} for layer {layer.name}, the largest in the menu is "
        relaxations.append(
            {
                "budget": f"{level.name}.size",
                "limit": level.size_bits,
                "least": need * level.buffering,
                "exact": True,
                "text": text + _bits(level.size_bits),
            }
        )
    if not found:
        found = [entry for point in points.points.values() for entry in lacking(possible.claim, point)]
    names = dict.fromkeys(f"{corner.levels[number].name}.size" for number, _, _ in found)
    expected = {"budgets": list(names), "complete": True, "layer": found[0][1].name}
    yield from differences(stated, expected | {"relaxations": stated["relaxations"]}, "infeasible")
    if stated["relaxations"] != relaxations:
        yield f"the sizes needed are {stated['relaxations']}, they should be {relaxations}"


def _bits(bits: int | None) -> str:
    return f"{bits} bits" if bits is None or bits % 8 else size_text(bits)


class _Inquiry:
    """Compares a stated reason with a new computation; ``unsettled`` holds what was undecided within the time."""

    def __init__(self, possible: Possible, stated: Data) -> None:
        self._possible, self._limits, self._stated = possible, possible.limits, stated
        self._constraints = list(stated.get("constraints") or [])
        self.unsettled: list[str] = []

    def blame_faults(self) -> Iterator[str]:
        """Check that the budgets and constraints exclude every design, and that no fewer of them do."""
        stated, blamed = self._stated, [*self._stated["budgets"], *self._constraints]
        broken = {title for _, _, titles in self._possible.chips for title in titles}
        active = [name for name in CAPS if self._binds(name)]
        active += [one.title for one in self._limits.constraints if one.title in broken]
        keys = [
            "budgets",
            "relaxations",
            "complete",
            *(["constraints", "removable"] if self._limits.constraints else []),
            *(["caps"] if "caps" in stated else []),
        ]
        yield from differences(stated, {key: stated.get(key) for key in keys})
        if blamed != [name for name in active if name in blamed]:
            yield f"the limits to blame are {blamed}, set are {active}"
            return
        yield from self._expect(blamed, expected=False)
        if not stated["complete"]:
            return
        for fewer in itertools.combinations(active, len(blamed) - 1):
            yield from self._expect(fewer, expected=True)

    def relaxation_faults(self) -> Iterator[str]:
        """Check that every relaxation is least, and that none is missing unless the search was stopped."""
        stated = {entry["budget"]: entry for entry in self._stated["relaxations"]}
        if len(stated) != len(self._stated["relaxations"]) or not set(stated) <= set(self._stated["budgets"]):
            yield f"relaxations of {list(stated)}, to blame are {self._stated['budgets']}"
        for name in self._stated["budgets"] if self._stated["complete"] else stated:
            right, entry = self._relaxation(name), stated.get(name)
            if entry is not None and not entry["exact"]:
                yield from self._bound_faults(name, entry, right)
            elif right == OPEN:
                self.unsettled.append(f"the relaxation of {name}")
            elif entry != right:
                yield f"the relaxation of {name} is {entry}, it should be {right}"

    def removal_faults(self) -> Iterator[str]:
        """Check which constraints to blame leave a design when they are dropped."""
        removable = self._stated.get("removable") or []
        for title in self._constraints:
            found = self._possible.possible(self._limits.without([title]))
            if found is None or (not self._stated["complete"] and title not in removable):
                self.unsettled.append(f"whether there is a design without {title}")
            elif found != (title in removable):
                yield f"without {title} there is {'a' if found else 'no'} design"
        yield from (f"{title} is not to blame" for title in removable if title not in self._constraints)

    def _bound_faults(self, name: str, entry: Data, right: Data | str | None) -> Iterator[str]:
        """Check a limit below which there is no design, stated if the least sufficient limit was not found."""
        if self._stated["complete"]:
            yield f"the relaxation of {name} is a bound, but the search for the reason was not stopped"
        least = Decimal(str(entry["least"]))
        yield from differences(entry, self._entry(name, least, exact=False), f"relaxation of {name}")
        if right == OPEN:
            self.unsettled.append(f"the bound on {name}")
        elif isinstance(right, dict) and entry["least"] > right["least"]:
            yield f"the relaxation of {name} is at least {entry['least']}, but {right['least']} suffices"

    def _binds(self, name: str) -> bool:
        limit = getattr(self._limits, name)
        if limit is None or name not in RESOURCES:
            return limit is not None
        return any(self._possible.need(name, chip) > limit for chip in self._possible.chips)

    def _expect(self, names: Sequence[str], *, expected: bool) -> Iterator[str]:
        """Check that a design exists, or does not exist, under these budgets alone, as expected."""
        every = [*CAPS, *(constraint.title for constraint in self._limits.constraints)]
        found = self._possible.possible(self._limits.without([name for name in every if name not in names]))
        text = " and ".join(names) or "no budgets"
        if found is None:
            self.unsettled.append(f"that {text} alone {'leave' if expected else 'exclude'} every design")
        elif found != expected:
            yield f"{text} alone {'leave a' if found else 'exclude every'} design"

    def _relaxation(self, name: str) -> Data | str | None:
        """The expected relaxation; None if no limit of this budget admits a design."""
        relaxed = self._limits.without([name])
        there = self._possible.possible(relaxed)
        if not there:
            return OPEN if there is None else None
        value = self._least_chip(name) if name in CHIP else self._least(name)
        if value is None:
            return OPEN
        return self._entry(name, Decimal(int(value)) if name in RESOURCES else rounded_up(value), exact=True)

    def _entry(self, name: str, least: Decimal, *, exact: bool) -> Data:
        """The expected entry of a relaxation."""
        needs, within = "needs" if exact else "needs at least", within_text(self._limits.without([name]))
        text = f"{SUBJECTS[name]}{within} {needs} {least.normalize():f} {UNITS[name]}"
        limit = float(getattr(self._limits, name))
        return {"budget": name, "limit": limit, "least": float(least), "exact": exact, "text": text}

    def _least_chip(self, name: str) -> Fraction | None:
        """The least use of this budget that suffices, found by bisection over the uses of all chips."""
        needs = sorted({self._possible.need(name, chip) for chip in self._possible.chips})
        low, high = 0, len(needs) - 1
        while low < high:
            middle = (low + high) // 2
            limit: dict[str, Any] = {name: int(needs[middle]) if name in RESOURCES else needs[middle]}
            found = self._possible.possible(replace(self._limits, **limit))
            if found is None:
                return None
            low, high = (low, middle) if found else (middle + 1, high)
        return needs[low]

    def _least(self, name: str) -> Fraction | None:
        """The least latency (ms), energy (mJ) or power (W) within the other budgets."""
        some = self._possible.claim.some_point
        hertz, unit = some.clock_mhz * 10**6, some.energy_unit_pj or Fraction(1)
        objective = "latency" if name == "latency_ms" else "energy"
        answer = self._possible.least(self._limits.without([name]), objective)
        if answer.settled is None:
            return None
        if name == "latency_ms":
            return ceil(answer.settled) * 1000 / hertz
        energy_pj = answer.settled * unit
        return (
            energy_pj / 10**9
            if name == "energy_mj"
            else energy_pj / 10**12 * hertz / self._possible.cap("latency_ms", self._limits)
        )
