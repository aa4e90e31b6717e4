"""Tables as the pages of docs/ show them, and the figures that go into them."""

from collections.abc import Sequence
from statistics import median

Row = tuple[str, ...]


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with aligned columns; a bar inside a cell is escaped.

    >>> print(markdown(["a", "count"], [["x|y", "3"]]))
    | a    | count |
    |------|-------|
    | x\\|y | 3     |
    """
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (headings, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headings))]
    lines = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def with_spread(figures: Sequence[float], digits: int = 0) -> str:
    """The median, and between what the repetitions lay.

    >>> with_spread([310.2, 298.0, 305.4])
    '305 (298-310)'
    """
    low, high = min(figures), max(figures)
    return f"{median(figures):,.{digits}f} ({low:,.{digits}f}-{high:,.{digits}f})"
