"""What may have been meant by a name that the account has not: the nearest labels first."""

from collections.abc import Iterable
from difflib import SequenceMatcher

SHOWN = 8


def nearest_first(name: str, labels: Iterable[str]) -> tuple[str, ...]:
    """Every label once, those that contain the name before those that only resemble it.

    >>> nearest_first("tier", ["Title", "Customer tier", "Phone"])
    ('Customer tier', 'Title', 'Phone')
    """
    wanted = name.casefold()

    def distance(label: str) -> tuple[bool, float, str]:
        known = label.casefold()
        return wanted not in known, -SequenceMatcher(None, wanted, known).ratio(), label

    return tuple(sorted(set(labels), key=distance))


def choices_in_words(choices: tuple[str, ...]) -> str:
    """The first few and how many more there are; '' for none."""
    more = len(choices) - SHOWN
    rest = f" and {more} more; `syncline check --json` lists all" if more > 0 else ""
    return f"known: {', '.join(choices[:SHOWN])}{rest}" if choices else ""
