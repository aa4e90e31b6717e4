"""A quarter of a schedule's time goes into allocators; larger caches a thread spare most of it.

DuckDB allocates thousands of small things while it binds a statement and hundreds of large ones
while it executes it, and frees them together. glibc (the small) and the jemalloc inside DuckDB
(the large) read their settings when a program starts, so the program starts once more.
"""

import os
import platform
import sys

WANTED = {
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=2000",
    "DUCKDB_JE_MALLOC_CONF": (
        "narenas:1,tcache_max:8388608,tcache_nslots_large:400,tcache_nslots_small_max:2000,"
        "lg_tcache_nslots_mul:3,tcache_gc_incr_bytes:1073741824"
    ),
}


def start_again_with_larger_caches() -> None:
    """Replace this program by itself with the settings, unless all are made or it is not glibc's.

    Call it first: nothing the program did before is kept, and no `finally` of it runs.
    """
    if os.environ.keys() >= WANTED.keys() or platform.libc_ver()[0] != "glibc":
        return
    sys.stdout.flush()
    os.execve(sys.executable, sys.orig_argv, WANTED | os.environ)
