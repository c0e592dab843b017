"""Fail unless a wheel holds all of the two packages' sources and data files, and nothing else.

Usage: python .ci/wheel_contents.py WHEEL, in the checkout.
"""

import sys
import zipfile
from pathlib import Path

PACKAGES = ("optimizer", "formulations")
KINDS = ("*.py", "*.yaml", "*.json", "py.typed")

expected = {path.as_posix() for package in PACKAGES for kind in KINDS for path in Path(package).rglob(kind)}
with zipfile.ZipFile(sys.argv[1]) as wheel:
    found = {name for name in wheel.namelist() if ".dist-info/" not in name}
faults = [f"missing: {name}" for name in sorted(expected - found)]
faults += [f"should not be there: {name}" for name in sorted(found - expected)]
if not any(name.startswith("optimizer/data/") for name in found):
    faults.append("missing: optimizer/data")
if faults:
    sys.exit("\n".join(faults))
sys.stdout.write(f"{len(found)} files\n")
