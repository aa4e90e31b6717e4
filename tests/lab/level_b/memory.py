"""A fifth of a schedule's time goes into glibc's arenas; a larger cache a thread spares most of it.

DuckDB allocates thousands of small things while it binds a statement and frees them together.
The C library reads its settings when a program starts, so the program starts once more.
"""

import os
import platform
import sys

SETTING, WANTED = "GLIBC_TUNABLES", "glibc.malloc.tcache_count=2000"


def start_again_with_larger_caches() -> None:
    """Replace this program by itself with the setting, unless it has one or is not glibc's.

    Call it first: nothing the program did before is kept, and no `finally` of it runs.
    """
    if SETTING in os.environ or platform.libc_ver()[0] != "glibc":
        return
    sys.stdout.flush()
    os.execve(sys.executable, sys.orig_argv, os.environ | {SETTING: WANTED})
