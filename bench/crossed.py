"""What every contestant of `bench.crossings` tells: who crossed, as a digest, and what it took.

Stands alone, since a peer's environment has nothing of ours.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from time import perf_counter, process_time

THRESHOLDS = (3, 5)  # e-mails opened, clicks
Crossed = Sequence[tuple[str, str, int]]  # rule, contact, the sweep it crossed in; sorted


def tell(find: Callable[[], Crossed]) -> None:
    began, worked = perf_counter(), process_time()
    crossed = find()
    seconds, processor = perf_counter() - began, process_time() - worked
    digest = hashlib.sha256(repr(list(crossed)).encode()).hexdigest()
    told = {"seconds": seconds, "processor_s": processor, "digest": f"{len(crossed)} {digest}"}
    sys.stdout.write(json.dumps(told))
