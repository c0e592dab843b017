"""Precision of the three operands of a layer: bits per element for the roles W, I and O."""

from __future__ import annotations

from collections.abc import Mapping

from optimizer.errors import SpecError
from optimizer.workload.layer import ROLES

DEFAULT_BITS = 16
"""Bits per element of every tensor that nothing else is said about."""


def role_bits(
    bits: object = None,
    *,
    base: Mapping[str, int] | None = None,
    file: str | None = None,
    field: str = "bits",
) -> dict[str, int]:
    """Bits per element for every role.

    Parameters
    ----------
    bits : int or mapping of role to int, optional
        One width for all roles, or a width for some of them.
    base : mapping of role to int, optional
        Widths of the roles that `bits` leaves out; :data:`DEFAULT_BITS` without it.
    file, field : str, optional
        Where `bits` came from, for error messages.

    Returns
    -------
    dict of str to int
        Bits for W, I and O.

    Raises
    ------
    SpecError
        On an unknown role or a width that is not a positive integer.
    """
    result = {role: (base or {}).get(role, DEFAULT_BITS) for role in ROLES}
    if bits is None:
        return result
    given = bits if isinstance(bits, Mapping) else dict.fromkeys(ROLES, bits)
    for role, width in given.items():
        if role not in ROLES:
            raise SpecError(
                "unknown role",
                file=file,
                field=f"{field}.{role}",
                value=role,
                allowed=", ".join(ROLES),
                remedy="precision is set for weights W, input I and output O",
            )
        if isinstance(width, bool) or not isinstance(width, int) or width < 1:
            raise SpecError(
                "a precision must be a positive integer of bits",
                file=file,
                field=f"{field}.{role}" if isinstance(bits, Mapping) else field,
                value=width,
                allowed="integers >= 1",
                remedy=f"leave it out for {DEFAULT_BITS} bits",
            )
        result[role] = width
    return result
