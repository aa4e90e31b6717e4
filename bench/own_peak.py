"""What a process held in memory at its highest, told by itself.

    python -m bench.own_peak FILE MODULE words...    runs the module; its peak is in FILE then

On Linux what the operating system counts of a child (`ru_maxrss`) begins with what its parent held
before the child became a program of its own: beside a large bench everything looks large. The
high-water mark in /proc is the program's alone. Asked for from outside it is gone with the process.

Stands alone, since a peer's environment has nothing of ours.
"""

import atexit
import resource
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

STATUS = Path("/proc/self/status")
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


def own_peak(status: Path = STATUS) -> int:
    """Bytes, its own or those of the largest process it has started and seen end.

    By `ru_maxrss` on a system without /proc. That of its children is right everywhere: what they
    begin with is no more than this process held.
    """
    try:
        told = peak_in(status.read_text())
    except OSError:
        told = None
    if told is None:
        told = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_UNIT
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * MAXRSS_UNIT
    return max(told, children)


def peak_in(status: str) -> int | None:
    """Bytes of the high-water mark in a text of /proc/<pid>/status; None where it has none.

    >>> peak_in("Name:\\tpython\\nVmHWM:\\t   2048 kB\\nVmRSS:\\t   1024 kB\\n")
    2097152
    >>> peak_in("Name:\\tpython\\n")
    """
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return int(value.split()[0]) * 1024
    return None


def main(words: Sequence[str]) -> None:
    """Be `python -m MODULE words`, whatever it ends with, and leave the peak in FILE."""
    file, module, *rest = words
    # First in, last out: what others do at the end is counted too.
    atexit.register(lambda: Path(file).write_text(str(own_peak())))
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
