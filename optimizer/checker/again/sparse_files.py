"""Check of ``sparse.json``: engines are recounted and sized again, patterns rebuilt, simulations run again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from optimizer.bodies.sparse import SIMULATION
from optimizer.checker.design_checks import differences, plain, verdict
from optimizer.checker.effort import Say
from optimizer.checker.outcome import NOT_CHECKED, Check
from optimizer.errors import SpecError
from optimizer.files.records import to_json
from optimizer.results.formats import SPARSE_FORMAT
from optimizer.sparse_engine import blame_check, pattern_check, reprove, simulation
from optimizer.sparse_engine.describe import describe
from optimizer.sparse_engine.engine import Engine, Junction
from optimizer.sparse_engine.fixed_point import parse_format
from optimizer.sparse_engine.interleaving import interleave
from optimizer.sparse_engine.network import SparseNetwork
from optimizer.sparse_engine.sizing import UNITS

Data = dict[str, Any]
OTHER_SEED = 31
SECONDS = 20.0
SETTLED = ("OPTIMAL", "INFEASIBLE")
RUN = ("seed", "workers", "wall_s", "versions")


def sparse_checks(data: Data, say: Say) -> Iterator[Check]:
    """All checks of the file written by a command of ``tilewright sparse``.

    Raises
    ------
    SpecError
        If no command writes this.
    """
    kinds: dict[str, Callable[[Data, Say], Iterator[Check]]] = {
        "sparse sizing": _sizing,
        "sparse patterns": _patterns,
        "sparse simulation": _simulation,
        "sparse report": _report,
        "sparse accuracy": _accuracy,
    }
    if data.get("kind") not in kinds:
        raise SpecError(
            "not a result of the sparse engine",
            field="kind",
            value=data.get("kind"),
            allowed=", ".join(kinds),
            remedy="give the folder that a command of `tilewright sparse` wrote",
        )
    stated = data.get("format")
    yield verdict("format", [] if stated == SPARSE_FORMAT else [f"it is {stated!r}"], SPARSE_FORMAT)
    yield from kinds[data["kind"]]({key: value for key, value in data.items() if key != "format"}, say)


def _engine(data: Data) -> Engine:
    network = SparseNetwork(tuple(data["neurons"]), tuple(data["out_degrees"]))
    clock = Fraction(data["exact"]["clock_mhz"])
    return Engine(network, tuple(data["z"]), data["width_bits"], data["proctime"], clock)


def _unread(data: Data, *known: str) -> Iterator[Check]:
    """Fields that the checks of this kind do not read."""
    fields = [key for key in data if key not in known]
    if fields:
        yield Check(NOT_CHECKED, True, f"sparse.json: {', '.join(fields)}")


def _sizing(data: Data, say: Say) -> Iterator[Check]:
    say("looking at every engine")
    faults, seen = reprove.faults(data)
    looked = "the figures were counted again" if seen is None else f"{seen:,} engines looked at"
    yield verdict("engines", faults, looked)
    if seen is None:
        yield Check(NOT_CHECKED, True, "sparse.json: that no engine is better than the bound (too many to look at)")
    yield verdict("objective", list(_objective_faults(data)), "value, bound and gap follow from the exact ones")
    if "design" in data:
        stated = {key: value for key, value in data["design"].items() if key != "multiplier"}
        figures = to_json(describe(_engine(data["design"]), data["request"]["input_bits"]))
        yield verdict("design", list(differences(stated, figures, "design")), "every figure made again")
    if ("infeasible" in data) != (data["status"] == "INFEASIBLE") or ("design" in data) == (
        data["status"] in ("INFEASIBLE", "UNKNOWN")
    ):
        yield Check("status", False, f"{data['status']} does not go with what else is stated")
    yield from _unread(data, "kind", "status", "objective", "request", "design", "infeasible")
    if "infeasible" in data:
        faults, open_parts = blame_check.faults(data["request"], data["infeasible"])
        yield verdict("infeasible", faults, "rules and budgets to blame, and relaxations, found again")
        yield from (Check(NOT_CHECKED, True, f"sparse.json: {part} (too many engines)") for part in open_parts)


def _objective_faults(data: Data) -> Iterator[str]:
    goal = data["objective"]
    if goal["unit"] != UNITS[goal["name"]] or goal["sense"] != ("max" if goal["name"] == "density" else "min"):
        yield f"the unit is {goal['unit']}, the sense {goal['sense']}"
    if goal["exact"] is None:
        if goal["value"] is not None or goal["gap"] is not None or "design" in data:
            yield "a value without an exact one"
        return
    value, bound = (Fraction(goal["exact"][name]) for name in ("value", "bound"))
    if (goal["value"], goal["bound"]) != (plain(value), plain(bound)):
        yield f"value and bound are {goal['value']} and {goal['bound']}, exactly {value} and {bound}"
    if (data["status"] == "OPTIMAL") != (value == bound) or (value == bound) != (goal["gap"] == 0):
        yield f"{data['status']} with the value {value}, the bound {bound} and the gap {goal['gap']}"


def _patterns(data: Data, say: Say) -> Iterator[Check]:
    order = ("INFEASIBLE", "UNKNOWN", "FEASIBLE", "OPTIMAL")
    least = min((entry["status"] for entry in data["junctions"]), key=order.index)
    yield verdict("status", [] if data["status"] == least else [f"the junctions show {least}"], "the worst of all")
    yield from _unread(data, "kind", "status", "junctions")
    for number, entry in enumerate(data["junctions"], 1):
        say(f"making the pattern of junction {number} again")
        yield from _pattern(number, entry)


def _pattern(number: int, entry: Data) -> Iterator[Check]:
    """Check a pattern by its table, and its spread by counting or by the program with another seed."""
    found = entry["junction"]
    junction = Junction(found["left"], found["right"], found["out_degree"], found["z"])
    solved = interleave(
        junction,
        entry["type"],
        dither=entry["dither"],
        latency=entry["latency"],
        wanted_spread=entry["wanted_spread"],
        time_limit_s=SECONDS,
        seed=OTHER_SEED,
    )
    again = to_json(solved.entry)
    faults = pattern_check.stored_faults(entry) if "starts" in entry else []
    made = (*RUN, "starts", "order", "edges_sha256", "objective", "status", "spread")
    rest, expected = ({key: one[key] for key in one if key not in made} for one in (entry, again))
    faults += differences(rest, expected)
    if "starts" in entry and entry["edges_sha256"] != pattern_check.digest(entry):
        faults.append("the hash of the edges is another")
    goal, other = entry["objective"], again["objective"]
    proved = "starts" in entry and pattern_check.spread_is_proved(entry)
    settled = again["status"] in SETTLED
    if settled and entry["status"] in SETTLED and (entry["status"], goal) != (again["status"], other):
        faults.append(f"{entry['status']} with {goal}, made again {again['status']} with {other}")
    if "starts" in entry and goal["value"] not in (None, entry["spread"]):
        faults.append(f"the spread is {entry['spread']}, stated is {goal['value']}")
    yield verdict(f"junction {number}", faults, f"its table made again; {again['status']} by another seed")
    if not settled and not proved:
        yield Check(NOT_CHECKED, True, f"sparse.json: bound of junction {number}")


def _simulation(data: Data, say: Say) -> Iterator[Check]:
    say("running the simulation again")
    asked, form = data["problem"], parse_format(data["problem"]["format"])
    engine = _engine(asked | {"width_bits": form.width})
    patterns = simulation.hazard_free_patterns(engine, forwarding=data["forwarding"], seed=data["seed"])
    again = simulation.simulate(
        engine,
        patterns,
        form,
        inputs=data["inputs"],
        rate_shift=data["rate_shift"],
        forwarding=data["forwarding"],
        seed=data["seed"],
    )
    yield verdict(
        "simulation",
        list(differences(data, {"kind": SIMULATION} | to_json(again) | {"problem": asked})),
        "run again, word by word",
    )


def _report(data: Data, say: Say) -> Iterator[Check]:
    figures = {"kind": data["kind"], "input_width_bits": data["input_width_bits"]}
    figures |= to_json(describe(_engine(data), data["input_width_bits"]))
    yield verdict("figures", list(differences(data, figures)), "every figure made again")


def _accuracy(data: Data, say: Say) -> Iterator[Check]:
    yield Check(NOT_CHECKED, True, "sparse.json: accuracies (training runs on images)")
