"""``python -m tests.adversary --seconds N --seed S``: try to beat what is called OPTIMAL, for as long as you like."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # as in the tests: the package is called `adversary`

from adversary.hours import main

raise SystemExit(main())
