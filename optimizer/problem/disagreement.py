"""Faults of Tilewright itself: what a user is told, and what to send."""

from __future__ import annotations

from optimizer.errors import InternalDisagreementError
from optimizer.problem.versions import versions


def disagreement(what: str) -> InternalDisagreementError:
    """The error where two parts state different numbers for one thing."""
    known = ", ".join(f"{name} {number}" for name, number in versions().items())
    return InternalDisagreementError(
        f"internal disagreement: {what}. This is a fault of Tilewright, not of the input: nothing that the search "
        "proved counts. Please report it with the network, the architecture, the command and these versions: "
        f"{known}. The store may hold wrong values too: try --no-cache."
    )
