"""Detection of network file systems: they restrict the journal modes of a database."""

from __future__ import annotations

import re
from pathlib import Path

MOUNTS = "/proc/self/mountinfo"
"""Linux lists here what is mounted where: see ``proc(5)``."""

NETWORK_TYPES = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.glusterfs",
        "fuse.sshfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "orangefs",
        "panfs",
        "smb3",
        "smbfs",
    }
)
_ESCAPED = re.compile(r"\\([0-7]{3})")


def on_network(path: Path, mounts: str | None = None) -> bool:
    """True if a path lies on a file system that other hosts may write to.

    Parameters
    ----------
    path : Path
    mounts : str, optional
        Text in the form of ``/proc/self/mountinfo``; by default that of this system. Where there is none, every path
        but one of the form ``\\\\server\\share`` counts as local.
    """
    whole = path.resolve()
    if mounts is None:
        table = Path(MOUNTS)
        mounts = table.read_text(encoding="utf-8", errors="surrogateescape") if table.exists() else ""
    best, kind = -1, ""
    for line in mounts.splitlines():
        place, _, system = line.partition(" - ")
        mounted = Path(_ESCAPED.sub(lambda found: chr(int(found[1], 8)), place.split()[4]))
        if whole.is_relative_to(mounted) and len(mounted.parts) >= best:
            best, kind = len(mounted.parts), system.split()[0]
    return kind in NETWORK_TYPES or whole.drive.startswith("\\\\")
