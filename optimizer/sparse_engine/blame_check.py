"""The reason why no engine exists, looked at engine by engine; nothing is shared with the sizing program."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from optimizer.sparse_engine.reprove import MOST_ENGINES, Pair, engines

Data = dict[str, Any]
TIME = "time"


def faults(asked: Data, found: Data) -> tuple[list[str], list[str]]:
    """What is wrong with the ``infeasible`` section of a sizing result.

    Parameters
    ----------
    asked, found : dict
        The result's ``request`` and ``infeasible`` sections.

    Returns
    -------
    list of str
        Faults; empty if none were found.
    list of str
        Parts that were not checked, because there are too many engines to look at.
    """
    wrong, unseen = [], []
    names = [*asked["budgets"], *([] if asked["max_time_us"] is None else [TIME]), *asked["rules"]]
    names = [name for name in names if name not in found["held"]]
    if not set(found["blame"]) <= set(names):
        return [f"{', '.join(found['blame'])}: not all of them were asked for"], []
    sets = [(found["blame"], False)]
    if found["complete"]:
        sets += [(list(fewer), True) for fewer in itertools.combinations(names, len(found["blame"]) - 1)]
    for kept, expected in sets:
        exists = _exists(keeping(asked, [*kept, *found["held"]]))
        if exists is None:
            unseen.append(f"whether {', '.join(kept) or 'no rule'} alone exclude every engine")
        elif exists != expected:
            wrong.append(f"{', '.join(kept) or 'no rule at all'}: {'an' if exists else 'no'} engine exists")
    stated = {entry.get("rule", entry.get("budget")): entry for entry in found["relaxations"]}
    for name in found["blame"] if found["complete"] else stated:
        relaxed = keeping(asked, [other for other in [*names, *found["held"]] if other != name])
        right = _relaxations(asked, relaxed, name)
        if right is None:
            unseen.append(f"the relaxation of {name}")
        elif (stated[name] not in right) if name in stated else right:
            wrong.append(f"{name}: {stated.get(name)}, it should be {right[0] if right else 'none'}")
    return wrong, unseen


def keeping(asked: Data, names: Sequence[str]) -> Data:
    """The request with only these rules and budgets."""
    return asked | {
        "budgets": {name: limit for name, limit in asked["budgets"].items() if name in names},
        "max_time_us": asked["max_time_us"] if TIME in names else None,
        "rules": [name for name in asked["rules"] if name in names],
    }


def _exists(asked: Data) -> bool | None:
    for seen, (_, value) in enumerate(engines(asked, TIME)):
        if value is not None:
            return True
        if seen > MOST_ENGINES:
            return None
    return False


def _relaxations(asked: Data, relaxed: Data, name: str) -> list[Data] | None:
    """The entries that are right for a rule or budget; None if there are too many engines to look at.

    One per engine with the least use of the budget, or, without the rule, per fastest engine.
    """
    best: Fraction | None = None
    pairs: list[tuple[Pair, ...]] = []
    is_rule = name in asked["rules"]
    for seen, (some, value) in enumerate(engines(relaxed, TIME if is_rule else name)):
        if seen > MOST_ENGINES:
            return None
        if value is not None and (best is None or value <= best):
            pairs = [*(pairs if value == best else []), some]
            best = value
    return [_entry(asked, relaxed, name, best, some) for some in pairs if best is not None]


def _entry(asked: Data, relaxed: Data, name: str, best: Fraction, pairs: Sequence[Pair]) -> Data:
    neurons = asked["neurons"]
    fans, parallel = tuple(degree for degree, _ in pairs), tuple(z for _, z in pairs)
    cycles = max(math.ceil(left * fan / z) for left, (fan, z) in zip(neurons, pairs, strict=False))
    degrees = f"fo = {fans}, " if any(len(menu) > 1 for menu in relaxed["out_degrees"]) else ""
    design = f"{degrees}z = {parallel}, C = {cycles}"
    if name in asked["rules"]:
        return {"rule": name, "text": f"without {name}: {design}"}
    if name == TIME:
        limit, shown = float(Fraction(asked["max_time_us"])), float(best)
        text = f"time {limit:.6g} us: least {shown:.6g}, {design}"
        return {"budget": name, "limit": limit, "least": shown, "text": text}
    limit = asked["budgets"][name]
    return {"budget": name, "limit": limit, "least": int(best), "text": f"{name} {limit}: least {int(best)}, {design}"}
