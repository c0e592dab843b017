"""Exact values of products: one literal per row of a table, and products of such values.

A product of factors is a function of a few sums of exponents. Its values are listed once; a row is one literal,
exactly one row holds, and costs are read off the row as a linear expression: no logarithm, no rounding.

Every quantity built here enters costs and capacities with a non-negative sign. So a *lower* bound that is
tight at the least value is exact: minimizing, or asking for a fit, pushes the quantity down onto it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from formulations.primes import Powers, grid

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

Literal: TypeAlias = "cp_model.IntVar | bool"
"""A Boolean of the program, or a constant."""


def negate(literal: Literal) -> Literal:
    """The opposite of a literal."""
    return not literal if isinstance(literal, bool) else literal.negated()


def truth(literal: Literal) -> cp_model.LinearExprT:
    """1 if a literal holds, else 0."""
    return int(literal) if isinstance(literal, bool) else literal


LARGEST = (1 << 62) - 1
"""The largest bound of a variable that the solver takes."""


def bounded(number: int) -> int:
    """An upper bound of a domain or of a linear expression.

    Raises
    ------
    OverflowError
        If it does not fit the solver's integers.
    """
    if number > LARGEST:
        raise OverflowError(f"a number of the program may reach {number:,}; the solver takes at most {LARGEST:,}")
    return number


def number_var(model: cp_model.CpModel, high: int, name: str, low: int = 0) -> cp_model.IntVar:
    """A variable in ``low..high``.

    Raises
    ------
    OverflowError
        If that does not fit the solver's integers.
    """
    return model.new_int_var(low, bounded(high), name)


def rejection(model: cp_model.CpModel) -> Exception:
    """Why the solver turns a program down: an ``OverflowError`` where a number of it could leave 64 bits."""
    fault = model.validate()
    kind = OverflowError if "overflow" in fault or "domain do not fall" in fault else RuntimeError
    return kind(f"the solver rejected the program: {fault}")


def imply(model: cp_model.CpModel, conditions: Sequence[Literal], linear: object) -> None:
    """Post a linear constraint that holds whenever all `conditions` do."""
    if any(c is False for c in conditions):
        return
    variables = [c for c in conditions if c is not True]
    constraint = model.add(linear)
    if variables:
        constraint.only_enforce_if(variables)


def forbid(model: cp_model.CpModel, conditions: Sequence[Literal]) -> None:
    """Not all `conditions` hold."""
    if any(c is False for c in conditions):
        return
    model.add_bool_or([negate(c) for c in conditions if c is not True])


@dataclass(frozen=True)
class Quantity:
    """A non-negative integer of the program.

    ``expression`` is linear; ``low``/``high`` bound it while it is switched on. Where ``rows`` is not empty, it
    lists (literal, value) of which exactly one holds while switched on.
    """

    expression: cp_model.LinearExprT
    low: int
    high: int
    rows: tuple[tuple[cp_model.IntVar, int], ...] = ()

    def times(self, factor: int) -> Quantity:
        """The quantity multiplied by a constant."""
        rows = tuple((literal, v * factor) for literal, v in self.rows)
        return Quantity(self.expression * factor, self.low * factor, self.high * factor, rows)


def constant(number: int) -> Quantity:
    """A fixed value."""
    return Quantity(number, number, number)


def pick_row(
    model: cp_model.CpModel,
    columns: Mapping[int, cp_model.LinearExprT],
    entries: Sequence[tuple[Powers, int]],
    when: Literal,
) -> Quantity:
    """Read a value off a table whose keys are sums of exponents.

    Variables: ``row[k]`` Boolean per entry ``(e_k, value_k)``.

    1. ``sum_k row[k] == when``
    2. ``when  =>  sum_k e_k[p] row[k] == columns[p]`` for every prime p.

    The quantity is ``sum_k value_k row[k]``; it is 0 while `when` is false.
    """
    if when is False:
        return constant(0)
    if not entries:
        imply(model, [when], False)
        return constant(0)
    literals = [model.new_bool_var("row") for _ in entries]
    model.add(sum(literals) == when)  # (1)
    for prime, total in columns.items():  # (2)
        imply(
            model,
            [when],
            sum(e.get(prime, 0) * literal for (e, _), literal in zip(entries, literals, strict=True)) == total,
        )
    values = [number for _, number in entries]
    expression = sum(number * literal for number, literal in zip(values, literals, strict=True))
    return Quantity(expression, min(values), max(values), tuple(zip(literals, values, strict=True)))


def power(
    model: cp_model.CpModel,
    columns: Mapping[int, cp_model.LinearExprT],
    highest: Powers,
    worth: Callable[[Powers], int],
    *,
    when: Literal = True,
    limit: int | None = None,
) -> Quantity:
    """The value ``worth(exponents)`` where prime p has exponent ``columns[p]`` in ``0..highest[p]``.

    Rows worth more than `limit` are left out, so the limit is part of the table.
    """
    used = {p: high for p, high in highest.items() if high > 0}
    entries = [(e, worth(e)) for e in grid(used)]
    kept = [(e, number) for e, number in entries if limit is None or number <= limit]
    if when is True and len(entries) == 1 == len(kept):
        return constant(kept[0][1])
    return pick_row(model, {p: columns[p] for p in used}, kept, when)


def product(model: cp_model.CpModel, first: Quantity, second: Quantity, when: Literal = True) -> Quantity:
    """An upper estimate of a product that is exact at its least value.

    Variable: ``z``, in the product of the factors' units.

    1. ``row_k  =>  z >= value_k * second`` for every row of the factor with fewer rows
       (``z == first * second`` where neither has rows)
    2. ``when  =>  z >= first.low * second + second.low * first - first.low * second.low`` (lower convex envelope)

    While `when` is false at least one factor is 0, and so may be z.
    """
    if not first.rows or (second.rows and len(second.rows) < len(first.rows)):
        first, second = second, first
    if first.low == first.high and not first.rows:
        return second.times(first.low)
    if second.low == second.high and not second.rows:
        return first.times(second.low)
    z = number_var(model, first.high * second.high, "product")
    if first.rows:
        for literal, number in first.rows:  # (1)
            model.add(z >= number * second.expression).only_enforce_if(literal)
    else:
        model.add_multiplication_equality(z, [first.expression, second.expression])
    envelope = first.low * second.expression + second.low * first.expression - first.low * second.low
    imply(model, [when], z >= envelope)  # (2)
    return Quantity(z, first.low * second.low, first.high * second.high)
