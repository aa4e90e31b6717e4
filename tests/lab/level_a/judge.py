"""What a schedule did wrong, told from the vendor's log and from what was wanted; nothing else.

Imports nothing of the engine: a note is recognised by its text, which names the intention, so
that the verdict does not hang on our references. What the ledger believes is not asked.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.lab.level_a.story import Story, Wish
from tests.lab.level_a.vendor import Entry


@dataclass(frozen=True)
class Verdict:
    """Sentences; empty lists when all is well."""

    effects: int
    duplicates: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    breaches: tuple[str, ...] = ()
    # Left and taken off between two readings: for any reader the same as never subscribed.
    unseen: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        return not (self.duplicates or self.lost or self.breaches or self.unseen)


def judge(story: Story, log: Sequence[Entry]) -> Verdict:
    """Weigh one schedule after it has come to rest."""
    written = Counter(e.content for e in log if e.object == "note" and e.verb == "create")
    born = Counter(f"person {e.content}" for e in log if e.object == "person")
    keys = [deed.key for deed in story.deeds]
    wanted = [f"person {person.address}" for person in story.persons]
    return Verdict(
        effects=sum(1 for e in log if e.who == "us"),
        duplicates=(*_doubled(keys, written), *_doubled(wanted, born)),
        lost=(
            *_missing(keys, written), *_missing(wanted, born), *_wrong_values(story.wishes, log),
        ),
        breaches=tuple(said for said, was_seen in _subscribed_again(log) if was_seen),
        unseen=tuple(said for said, was_seen in _subscribed_again(log) if not was_seen),
    )  # fmt: skip


def _doubled(keys: Sequence[str], written: Counter[str]) -> list[str]:
    return [f"{key}: {written[key]} times" for key in keys if written[key] > 1]


def _missing(keys: Sequence[str], written: Counter[str]) -> list[str]:
    return [f"{key}: never" for key in keys if not written[key]]


def _wrong_values(wishes: Sequence[Wish], log: Sequence[Entry]) -> list[str]:
    """Members that do not hold the last wish, though no user changed or left anything."""
    found = []
    for subject in sorted({w.subject for w in wishes}):
        last = max((w for w in wishes if w.subject == subject), key=lambda w: w.since).value
        acts = [e for e in log if e.object == "member" and e.subject == subject and e.verb != "see"]
        ours = [e for e in acts if e.who == "us"]
        if any(e.verb in ("unsubscribe", "remove") for e in acts):
            continue
        is_edited = bool(acts) and acts[-1].who == "user"
        if not ours or (ours[-1].content != last and not is_edited):
            holds = ours[-1].content if ours else "nothing"
            found.append(f"member {subject}: holds {holds}, wanted {last}")
    return found


def _subscribed_again(log: Sequence[Entry]) -> Iterator[tuple[str, bool]]:
    """People who left and were put on the list again; whether a run was shown that they left."""
    left: set[str] = set()
    seen: set[str] = set()
    for entry in log:
        if entry.verb == "unsubscribe":
            left.add(entry.subject)
        elif entry.verb == "see":
            seen.add(entry.subject)
        elif entry.object == "member" and entry.verb == "create" and entry.subject in left:
            said = f"member {entry.subject}: left, and was subscribed at {entry.at:.0f} s"
            yield said, entry.subject in seen
