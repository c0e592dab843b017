"""``python -m tests.fuzz --seconds N --seed S``: broken files for as long as you like."""

from tests.fuzz.hours import main

raise SystemExit(main())
