"""What the books must say after a run, by requirement MC-02 alone; imports nothing of the engine.

A side has changed when it holds something else than after the run before. Only a change is written;
of two, the record that was changed later wins, a tie is Pipedrive's, and a field may name its winner.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tests.lab.level_c.story import FIELDS, PEOPLE, Side, Story

Keeps = Callable[[str], str]
Key = tuple[int, str]  # person, field at Pipedrive


def keeps(habit: str) -> Keeps:
    """What a vendor makes of a value that is written."""
    return {
        "as it is": lambda value: value,
        "cut": lambda value: value[:4],
        "in capitals": str.upper,
        "with a full stop": lambda value: f"{value}." if value else "",
    }[habit]


@dataclass(frozen=True)
class Books:
    """What both vendors hold, by person and field, and when each record was last changed."""

    crm: Mapping[Key, str]
    engagement: Mapping[Key, str]
    crm_at: Mapping[int, datetime]
    engagement_at: Mapping[int, datetime]


@dataclass(frozen=True)
class Pair:
    """What both sides must hold of one field after a run; `source` is whose value went across."""

    crm: str
    engagement: str
    source: Side | None


@dataclass
class Judge:
    """Follows one story; `seen` is what both sides held after the run before."""

    story: Story
    seen: dict[Key, tuple[str, str]] = field(default_factory=dict)

    def right(self, before: Books) -> dict[Key, Pair]:
        """What must be there after a run, from what was there before it."""
        return {
            (person, name): self._pair(before, person, name)
            for person in range(1, PEOPLE + 1)
            for name in FIELDS
        }

    def _pair(self, before: Books, person: int, name: str) -> Pair:
        crm, engagement = before.crm[person, name], before.engagement[person, name]
        source = self._source(before, person, name) if crm != engagement else None
        if source == "crm":
            engagement = keeps(self.story.engagement_writes)(crm)
        elif source == "engagement":
            crm = keeps(self.story.crm_writes)(engagement)
        return Pair(crm, engagement, source)

    def _source(self, before: Books, person: int, name: str) -> Side | None:
        """The side whose value goes across."""
        values = before.crm[person, name], before.engagement[person, name]
        seen = self.seen.get((person, name))
        # An empty value clears nothing where both meet for the first time.
        moved = [bool(v) if seen is None else v != seen[i] for i, v in enumerate(values)]
        may_go = [name in self.story.out, name in self.story.into]
        match [can and has for can, has in zip(may_go, moved, strict=True)]:
            case [True, True]:
                return self._winner(before, person, name)
            case [True, False]:
                return "crm"
            case [False, True]:
                return "engagement"
        return None

    def _winner(self, before: Books, person: int, name: str) -> Side:
        rule = self.story.rules[name]
        if rule == "last_writer":
            is_later = before.engagement_at[person] > before.crm_at[person]
            return "engagement" if is_later else "crm"
        return "crm" if rule == "crm" else "engagement"

    def after(
        self, right: Mapping[Key, Pair], books: Books, writes: list[tuple[str, str]]
    ) -> Iterator[str]:
        """A sentence for each field that is not as it must be, and for writes nobody needed."""
        for (person, name), wanted in right.items():
            found = books.crm[person, name], books.engagement[person, name]
            if found != (wanted.crm, wanted.engagement):
                yield f"person {person} has {name} {found[0]!r} and {found[1]!r}, not {wanted}"
            self.seen[person, name] = found
        records = {(person, pair.source) for (person, _), pair in right.items() if pair.source}
        if len(writes) != len(records):
            yield f"{len(records)} records were to be written, and it wrote {writes}"
