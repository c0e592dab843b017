"""Put one CP-SAT program into another."""

from __future__ import annotations

from typing import Any

from ortools.sat.python import cp_model


def append(model: cp_model.CpModel, part: cp_model.CpModel) -> list[cp_model.IntVar]:
    """Add the variables and constraints of a program to a model; its objective and hints stay behind.

    Returns
    -------
    list of IntVar
        The new variables, by their index in `part`.

    Raises
    ------
    ValueError
        On a kind of constraint that the layer program does not use.
    """
    variables = [
        model.new_int_var_from_domain(cp_model.Domain.from_flat_intervals(list(old.domain)), old.name)
        for old in part.proto.variables
    ]
    for constraint in part.proto.constraints:
        posted = _post(model, variables, constraint)
        if constraint.enforcement_literal:
            posted.only_enforce_if(_literals(variables, constraint.enforcement_literal))
    return variables


def weighted(variables: list[cp_model.IntVar], stored: Any) -> cp_model.LinearExprT:
    """The sum that a stored constraint, expression or objective holds, without its offset."""
    return sum(coefficient * variables[index] for index, coefficient in zip(stored.vars, stored.coeffs, strict=True))


def _literals(variables: list[cp_model.IntVar], stored: Any) -> list[Any]:
    """Literals by their stored numbers: i is variable i, -i - 1 its opposite."""
    return [variables[n] if n >= 0 else variables[-n - 1].negated() for n in stored]


def _post(model: cp_model.CpModel, variables: list[cp_model.IntVar], constraint: Any) -> cp_model.Constraint:
    kind = constraint.WhichOneof("constraint")
    stored = getattr(constraint, kind)

    def expressions(several: Any) -> list[Any]:
        return [weighted(variables, one) + one.offset for one in several]

    if kind == "linear":
        domain = cp_model.Domain.from_flat_intervals(list(stored.domain))
        return model.add_linear_expression_in_domain(weighted(variables, stored), domain)
    if kind == "int_prod":
        return model.add_multiplication_equality(*expressions([stored.target]), expressions(stored.exprs))
    if kind == "table" and not stored.negated:
        width = len(stored.exprs)
        rows = [tuple(stored.values[n : n + width]) for n in range(0, len(stored.values), width)]
        return model.add_allowed_assignments(expressions(stored.exprs), rows)
    add = {"bool_or": model.add_bool_or, "at_most_one": model.add_at_most_one, "exactly_one": model.add_exactly_one}
    if kind not in add:
        raise ValueError(f"constraints of kind {kind} are not expected")
    return add[kind](_literals(variables, stored.literals))
