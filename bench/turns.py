"""Contestants that take turns, each round begun by another; as a rule the first is not counted.

What runs first finds a cold disk cache and the processor's clock as the moment before left it;
in a fixed order that would always be the same one's burden.
"""

from collections.abc import Iterator, Sequence


def turns(names: Sequence[str], repeat: int, *, warming: int = 1) -> Iterator[tuple[str, bool]]:
    """Yield who is next and whether it counts: `repeat` rounds that do, after one that does not.

    `warming` is how many rounds do not: none where each start has a world of its own.

    >>> [name for name, counts in turns(["a", "b", "c"], 3) if counts]
    ['b', 'c', 'a', 'c', 'a', 'b', 'a', 'b', 'c']
    """
    for number in range(repeat + warming):
        begins = number % len(names)
        for name in (*names[begins:], *names[:begins]):
            yield name, number >= warming


def ratios(figures: Sequence[float], base: Sequence[float]) -> list[float]:
    """How many times the base's, round by round: a slow minute of the machine is in both.

    >>> ratios([2.0, 30.0], [1.0, 10.0])
    [2.0, 3.0]
    """
    return [one / other for one, other in zip(figures, base, strict=True)]
