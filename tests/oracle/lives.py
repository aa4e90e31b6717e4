"""How each bot stands from run to run: new, at work, paused, stopped by a dead filter, deleted.

    lives.pause("customers")            what the operator did since the last run
    lives.meet(definition, world, n)    what run number n finds
    lives.at_work                       the bots that select somebody in this run

A bot is bound to ids when its definition is first met or has changed; names that were looked up
once keep their ids.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.oracle.definition import Bot, Rule, read_bot
from tests.oracle.reading import Json, World

Shape = tuple[str, int, bool]  # kind of event, N, whether it repeats


@dataclass
class Life:
    """One bot through time. `since` is its baseline; pauses are (first run, first run after)."""

    bot: Bot
    told: Json
    since: int
    is_new: bool = True
    has_asked: bool = False  # a run was stopped to ask for its first activation
    is_paused: bool = False
    is_deleted: bool = False
    is_stopped: bool = False
    pauses: list[tuple[int, int | None]] = field(default_factory=list)
    # By rule id or kind of note: what it counts, and the run after which crossings of it count.
    edits: dict[str, tuple[Shape, int]] = field(default_factory=dict)
    last_selected: frozenset[int] = frozenset()  # contacts, when it last was at work

    @property
    def is_at_work(self) -> bool:
        return not (self.is_paused or self.is_deleted or self.is_stopped)

    @property
    def is_asking(self) -> bool:
        """Whether its events are read: a bot whose filter died still asks for them."""
        return not (self.is_paused or self.is_deleted)

    @property
    def has_automations(self) -> bool:
        return bool(self.bot.rules or self.bot.notes)

    @property
    def kinds(self) -> set[str]:
        return {rule.event for rule in self.bot.rules} | set(self.bot.notes)

    def counts(self, sweep: int) -> bool:
        """False for what was first seen during a pause of the user's."""
        return not any(
            first <= sweep and (after is None or sweep < after) for first, after in self.pauses
        )

    def counts_from(self, rule: Rule) -> int:
        return 0 if rule.counts_all else self.since

    def effective(self, name: str) -> int:
        return self.edits[name][1]

    def end_pause(self, after: int) -> None:
        self.pauses = [(f, after if a is None else a) for f, a in self.pauses]


class Lives:
    """Every bot there is or was, by id."""

    def __init__(self) -> None:
        self._all: dict[str, Life] = {}
        self._listed: list[str] = []
        self._filters: dict[str | int, int] = {}
        self._n = 0

    def __getitem__(self, bot_id: str) -> Life:
        return self._all[bot_id]

    @property
    def listed(self) -> list[Life]:
        return [self._all[bot_id] for bot_id in self._listed]

    @property
    def at_work(self) -> list[Life]:
        return [life for life in self.listed if life.is_at_work]

    @property
    def stopped(self) -> set[str]:
        return {life.bot.id for life in self.listed if life.is_stopped and not life.is_paused}

    # -- what the operator does

    def pause(self, bot_id: str) -> None:
        life = self._all[bot_id]
        life.is_paused = True
        life.pauses.append((self._n + 1, None))

    def resume(self, bot_id: str) -> None:
        """It works from the next run on; what that run sees first still belongs to the pause."""
        self._all[bot_id].is_paused = False

    def delete(self, bot_id: str) -> None:
        self._all[bot_id].is_deleted = True

    # -- what a run finds

    def meet(self, definition: Json, world: World, n: int) -> None:
        self._n = n
        self._listed = [each["id"] for each in definition.get("bots", ())]
        for bot_id, life in self._all.items():
            life.is_deleted |= bot_id not in self._listed
        for each in definition.get("bots", ()):
            self._meet_one(each, definition, world)
        for life in self.listed:
            if life.is_asking:
                life.end_pause(n + 1)
            filter_id = life.bot.filter_id
            life.is_stopped = filter_id is not None and filter_id not in world.filter_members

    def begin(self, *, wrote: bool) -> None:
        """A run that writes lets new bots begin; one that a guard stopped is their baseline."""
        for life in self.at_work:
            if life.is_new:
                life.since = life.since if wrote and life.has_asked else self._n
                life.is_new, life.has_asked = not wrote, not wrote

    def _meet_one(self, each: Json, definition: Json, world: World) -> None:
        told = {"bot": each, "count_from": definition.get("count_from")}
        life = self._all.get(each["id"])
        if life is None:
            bot = read_bot(each, definition, world, self._filters)
            life = self._all[each["id"]] = Life(bot, told, self._n)
            life.edits = {name: (shape, 0) for name, shape in _shapes(bot).items()}
        if life.is_deleted:
            # Created again: it counts anew, and no pause of its earlier life concerns it.
            life.pauses = []
            life.is_deleted = life.is_paused = False
            life.is_new, life.has_asked = True, False
        if life.told != told:
            life.bot, life.told = read_bot(each, definition, world, self._filters), told
            life.edits = {
                name: life.edits[name]
                if name in life.edits and life.edits[name][0] == shape
                else (shape, self._n - 1)
                for name, shape in _shapes(life.bot).items()
            }


def _shapes(bot: Bot) -> Mapping[str, Shape]:
    """What each rule counts: an edit of it applies to what is reached afterwards."""
    rules = {rule.id: (rule.event, rule.after, rule.repeats) for rule in bot.rules}
    return rules | {f"note {kind}": (kind, 1, True) for kind in bot.notes}
