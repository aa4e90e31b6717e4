"""One stage of a run: a plain call, or whatever the caller wraps around it (a Prefect task)."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Step(Protocol):
    """Run a stage under its name and return what it returns."""

    def __call__(self, name: str, stage: Callable[..., T], *args: Any) -> T: ...


def plainly(name: str, stage: Callable[..., T], *args: Any) -> T:  # noqa: ARG001
    """Run a stage as what it is."""
    return stage(*args)
