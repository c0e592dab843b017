"""Why there is no design, as text."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from rich.text import Text

from optimizer.bodies.infeasibility import BlamedCap, Infeasibility, Relaxation
from optimizer.problem.serving_caps import UNITS


def infeasible_text(reason: Infeasibility, stated: Mapping[str, str] | None = None) -> Text:
    """Which budgets and constraints exclude every design, and what would admit one.

    `stated` are the budgets of the problem; where caps of a language model stand behind a budget, they are named.
    """
    budgets = [_named(reason, budget, stated or {}) for budget in reason.budgets]
    if reason.layer and reason.constraints:
        blame = f"under these constraints layer {reason.layer} has no mapping on any hardware point: "
        blame += "; ".join(reason.constraints)
    elif reason.layer:
        blame = f"no hardware point of the menus can hold layer {reason.layer}"
    else:
        names = ", ".join([*budgets, *(reason.constraints or ())])
        kind = "limit" if reason.constraints else "budget"
        several = f"these {kind}s exclude it together: {names}" if names else "no budget is to blame"
        single = len(budgets) + len(reason.constraints or ()) == 1
        blame = f"the {kind} {names} excludes it" if single else several
    lines = [f"There is no design: {blame}."]
    if reason.relaxations or reason.removable:
        exact = all(relaxation.exact for relaxation in reason.relaxations)
        offers = len(reason.relaxations) + len(reason.removable or ())
        each, one = ("This", "this") if offers == 1 else ("Any one of these", "one of these")
        enough = f"{each} would make it feasible:" if exact else f"No design without {one}:"
        lines.append("It needs:" if reason.layer and reason.relaxations else enough)
    lines += [f"  - {relaxation_text(reason, relaxation, stated or {})}" for relaxation in reason.relaxations]
    lines += [f"  - without {title} there is a design" for title in reason.removable or ()]
    if not reason.complete:
        fewer = "fewer budgets may be to blame, and " if len(reason.budgets) > 1 else ""
        lines.append(f"The reason was not sought to the end: {fewer}more may be needed (--time-limit gives it time).")
    return Text("\n".join(lines))


def relaxation_text(reason: Infeasibility, relaxation: Relaxation, stated: Mapping[str, str]) -> str:
    """What a budget would have to be, or all the caps behind it."""
    needs = [
        f"{one.cap} {Decimal(str(one.least)).normalize():f} {UNITS[one.cap]}"
        for one in _behind(reason, relaxation.budget)
        if one.least is not None
    ]
    own = [relaxation.budget] if _excludes(reason, relaxation.budget, stated) else []
    return f"{', '.join([*needs, *own]) or relaxation.budget}: {relaxation.text}"


def _named(reason: Infeasibility, budget: str, stated: Mapping[str, str]) -> str:
    """A blamed budget by the names that the user gave it: a cap, or several limits on the same quantity."""
    caps = [one.cap for one in _behind(reason, budget)]
    if len(caps) == 1 and not _excludes(reason, budget, stated):
        return caps[0]
    return f"{budget} ({', '.join(caps)})" if caps else budget


def _behind(reason: Infeasibility, budget: str) -> list[BlamedCap]:
    return [one for one in reason.caps or () if one.budget == budget]


def _excludes(reason: Infeasibility, budget: str, stated: Mapping[str, str]) -> bool:
    """Is the budget stated besides the caps behind it, and excludes designs too?"""
    least = {entry.budget: entry.least for entry in reason.relaxations}.get(budget)
    return budget in stated and (least is None or Fraction(stated[budget]) < Fraction(str(least)))
