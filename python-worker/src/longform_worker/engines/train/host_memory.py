"""How much memory of this machine a process more may take."""

from __future__ import annotations

from pathlib import Path

MEMORY = Path("/proc/meminfo")
GROUP = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")


def free_memory_bytes() -> int:
    """What the machine has available, or less where a control group (version 2) allows this process less."""
    lines = dict(line.split(":", 1) for line in MEMORY.read_text().splitlines())
    return min(int(lines["MemAvailable"].split()[0]) * 1024, *_left_by_groups(), 1 << 62)


def _left_by_groups() -> list[int]:
    own = next((line[3:] for line in GROUP.read_text().splitlines() if line.startswith("0::")), None)
    if own is None:
        return []
    left: list[int] = []
    group = GROUPS / own.lstrip("/")
    while group == GROUPS or GROUPS in group.parents:
        limit, used = group / "memory.max", group / "memory.current"
        if limit.is_file() and used.is_file() and limit.read_text().strip() != "max":
            stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
            # Pages of files that nobody uses go when memory is needed.
            left.append(int(limit.read_text()) - int(used.read_text()) + int(stat.get("inactive_file", 0)))
        group = group.parent
    return left
