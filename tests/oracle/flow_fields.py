"""One pair of fields at one contact: what becomes of it, by the base each side is held against."""

from typing import NamedTuple

Base = tuple[str, str]  # what the CRM and the engagement side held when last dealt with


class Pair(NamedTuple):
    """`rule` is crm, engagement or last_writer; `is_later` whether the source changed later."""

    crm: str
    engagement: str
    base: Base | None
    is_into_crm: bool
    is_two_way: bool
    winner: str
    is_address: bool


def decide(pair: Pair) -> str:
    """equal: a base, no write. meet: a base, though they differ. write. leave: nothing at all.

    conflict: both sides changed, or meet filled and different; the winner's flow writes.
    """
    source, target = _sides(pair, pair.crm, pair.engagement)
    if source == target:
        return "equal"
    if pair.base is None:
        if pair.is_address:
            return "meet"
        if source == "":
            return "leave"
        return "conflict" if pair.is_two_way and target else "write"
    old_source, old_target = _sides(pair, *pair.base)
    if source == old_source:
        return "leave"
    return "conflict" if pair.is_two_way and target != old_target else "write"


def is_written(pair: Pair) -> bool:
    """Whether the source's value goes to the target."""
    said = decide(pair)
    return said == "write" or (
        said == "conflict" and (pair.winner == "engagement") == pair.is_into_crm
    )


def _sides(pair: Pair, crm: str, engagement: str) -> tuple[str, str]:
    return (engagement, crm) if pair.is_into_crm else (crm, engagement)
