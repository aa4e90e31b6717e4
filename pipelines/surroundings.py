"""What a run takes from the world outside: the time, waiting, and a way to the vendors.

The real ones by default. The fault laboratory gives its own, so that no trial waits in real time.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import httpx

from connectors.http import open_http, utc_now


@dataclass(frozen=True)
class Surroundings:
    """`open_http` is called once per account; the run closes what it returns."""

    now: Callable[[], datetime] = utc_now
    sleep: Callable[[float], None] = time.sleep
    open_http: Callable[[], httpx.Client] = open_http
    seconds: Callable[[], float] = time.monotonic  # for pacing: no clock set anew disturbs it


REAL = Surroundings()
