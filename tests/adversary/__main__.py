"""``python -m tests.adversary --seconds N --seed S``: try to beat what is called OPTIMAL, for as long as you like."""

from tests.adversary.hours import main

raise SystemExit(main())
