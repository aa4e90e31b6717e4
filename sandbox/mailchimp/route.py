"""One row of the table of calls: method, path below /3.0, and who answers it."""

from collections.abc import Callable
from typing import NamedTuple

from sandbox.mailchimp.call import Body, Call

Answering = Callable[[Call], Body]


class Route(NamedTuple):
    """A step of `path` in braces matches anything and is found in `Call.path` by that name."""

    method: str
    path: str
    answer: Answering
