"""The command line: ``tilewright``.

Exit codes: 0 for a design (OPTIMAL or FEASIBLE) or a passed check, 1 for INFEASIBLE, UNKNOWN or a failed
verification, 2 for bad input, 3 if something that is needed is missing, 70 if parts of Tilewright disagree, 74 if
standard output could not be written. Results go to stdout; progress, warnings and errors to stderr.
"""

from optimizer.cli.main import main

__all__ = ["main"]
