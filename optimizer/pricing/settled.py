"""Of the mappings that cost the same, the one that a search from scratch finds.

Searches start from earlier results: mappings of other hardware, limits, entries of a store. Energy and cycles of their
answer do not depend on it, the loop nest may. A final design is therefore searched once more under its own costs alone.
"""

from __future__ import annotations

from dataclasses import replace

from formulations.engines import Engine
from formulations.nest import Nest
from formulations.problem import LayerProblem
from formulations.stop import Stop
from optimizer.pricing.price import Price
from optimizer.problem.disagreement import disagreement
from optimizer.store.recall import Question, recalled
from optimizer.store.store import Store


def settled(
    store: Store, engine: Engine, problem: LayerProblem, price: Price, label: str, stop: Stop | None = None
) -> Price:
    """The price of a mapping that takes no more energy and cycles, and that these alone lead to.

    Parameters
    ----------
    store : Store
    engine : Engine
    problem : LayerProblem
    price : Price
        Under a cap on energy a mapping with as many cycles may cost less: then that is the answer.
    label : str
        In lists of the store.
    stop : Stop, optional

    Raises
    ------
    StoppedError
        If the search was stopped.
    InternalDisagreementError
        If the search finds no such mapping.
    """
    known = price.solution
    assert known is not None
    cap = price.latency * problem.latency_unit
    question = Question(problem, "settled", 0, cap, engine.name)

    def search(_: int) -> Nest | None:
        return engine.settled(problem, known, stop)

    found = recalled(store, question, price.energy + 1, search, label)
    if found is None or isinstance(found, int):
        costs = f"energy {price.energy} and {price.latency} cycles"
        raise disagreement(f"a mapping has {costs}; a search for one like it finds none")
    return replace(price, energy=found.energy, latency=question.cycles(found), solution=found)
