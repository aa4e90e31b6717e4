"""One contestant's process: what its reading took beyond its imports, told as a line of JSON.

With `bench.own_peak` it stands alone, since dlt's environment has nothing of ours.
"""

import json
import resource
import sys
from collections.abc import Callable
from time import perf_counter, process_time

from bench.own_peak import own_peak


def tell(read: Callable[[str, str], int]) -> None:
    """Read from the address into the folder that the command line names; rows, and the time."""
    url, folder = sys.argv[1:3]
    began, worked = perf_counter(), process_time()
    rows = read(url, folder)
    seconds, processor = perf_counter() - began, process_time() - worked
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = {
        "rows": rows, "seconds": seconds, "processor_s": processor,
        "children_s": children.ru_utime + children.ru_stime, "peak": own_peak(),
    }  # fmt: skip
    sys.stdout.write(f"\n{json.dumps(told)}\n")
