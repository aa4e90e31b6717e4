"""Tie the names in a definition to the accounts' own ids, once and for good.

A name is looked up the first time it is used and pinned: after that the id counts, and
renaming the thing at the vendor changes nothing. Unknown or ambiguous names are refused,
all of them at once, with what could have been meant, the nearest first.
"""

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from pipelines.report import Finding

SHOWN = 8


class Pin(NamedTuple):
    """A name and what it was tied to. `kind` says what sort of thing, `name` is the YAML's."""

    kind: str
    name: str
    remote_id: str
    label: str


class Candidate(NamedTuple):
    """Something a name may mean: its id (or code) and its label at the vendor."""

    remote_id: str
    label: str


class Names:
    """Looks names up and keeps every mistake, so that all are told at once."""

    def __init__(self, pinned: Mapping[tuple[str, str], Pin]) -> None:
        self.pinned = pinned
        self.pins: list[Pin] = []
        self.findings: list[Finding] = []

    def find(
        self, kind: str, name: str | int, candidates: Iterable[Candidate], *, where: str
    ) -> tuple[str | None, bool]:
        """Return (id, whether it is still there). No id: a mistake was noted."""
        known = list(candidates)
        by_id = {c.remote_id: c for c in known}
        pin = self.pinned.get((kind, str(name)))
        if pin is not None:
            return pin.remote_id, pin.remote_id in by_id
        matches = fitting(name, known)
        if len(matches) == 1:
            self.pins.append(Pin(kind, str(name), *matches[0]))
            return matches[0].remote_id, True
        self.findings.append(_mistake(kind, name, matches, known, where))
        return None, False

    def is_known(self, kind: str, name: str | int, records: Iterable[Mapping[str, Any]]) -> bool:
        """Whether the account has, or ever had for us, a thing of this name in any capitals."""
        labels = {str(r.get("name")).casefold() for r in records}
        return (kind, str(name)) in self.pinned or str(name).casefold() in labels

    def error(self, thing: str, sentence: str, remedy: str, choices: tuple[str, ...] = ()) -> None:
        self.findings.append(Finding("error", thing, sentence, remedy, choices))

    def warn(self, thing: str, sentence: str, remedy: str = "") -> None:
        self.findings.append(Finding("warn", thing, sentence, remedy))


def fitting(name: str | int, known: Iterable[Candidate]) -> list[Candidate]:
    """Whatever answers to a name: by id, else by the very name, else in other capitals."""
    known = list(known)
    return (
        [c for c in known if c.remote_id == str(name)]
        or [c for c in known if c.label == name]
        or [c for c in known if c.label.casefold() == str(name).casefold()]
    )


def candidates(records: Iterable[Mapping[str, Any]], label: str) -> list[Candidate]:
    """Records by their id; `label` is the field that people know them by."""
    return [Candidate(str(r["id"]), str(r.get(label) or "")) for r in records]


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


def _mistake(
    kind: str, name: str | int, matches: list[Candidate], known: list[Candidate], where: str
) -> Finding:
    noun = kind.split(" of ", maxsplit=1)[0]
    if matches:
        found = ", ".join(f"{c.remote_id} ({c.label})" for c in matches)
        return Finding(
            "error", where, f"{len(matches)} things answer to the {noun} {name!r}: {found}",
            "write the id instead of the name",
        )  # fmt: skip
    choices = nearest_first(str(name), (c.label for c in known))
    return Finding(
        "error", where, f"there is no {noun} {name!r}",
        choices_in_words(choices) or f"create the {noun} first", choices,
    )  # fmt: skip
