"""Internal faults of Tilewright: the message to the user, and what to report."""

from __future__ import annotations

from optimizer.errors import InternalDisagreementError
from optimizer.problem.versions import versions


def disagreement(what: str) -> InternalDisagreementError:
    """The error raised when two parts of Tilewright compute different values for the same quantity."""
    known = ", ".join(f"{name} {number}" for name, number in versions().items())
    return InternalDisagreementError(
        f"internal disagreement: {what}. This is a fault of Tilewright, not of the input: nothing that the search "
        "proved counts. Please report it with the network, the architecture, the command and these versions: "
        f"{known}. The store may hold wrong values too: try --no-cache."
    )
