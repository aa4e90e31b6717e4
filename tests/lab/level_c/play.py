"""Schedules of flows both ways: the real SQL over two simulated vendors, judged after each run."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from time import perf_counter
from unittest.mock import patch

from tests.lab.level_c.judge import Books, Judge, keeps
from tests.lab.level_c.story import FIELDS, PEOPLE, Edit, Story, draw
from tests.transforms.mailchimp_pipedrive.world import World
from transforms import build

Regime = str
REGIMES = ("inside",)


@dataclass
class Played:
    """`writes` are requests that change something; `wrong` is empty where all is well."""

    story: Story
    runs: int = 0
    writes: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass
class Tally:
    """The sums of a series. `red` holds the seeds that went wrong, and what was wrong."""

    schedules: int = 0
    runs: int = 0
    effects: int = 0
    wrong: int = 0
    seconds: float = 0.0
    red: list[tuple[int, str]] = field(default_factory=list)

    def add(self, played: Played) -> None:
        self.schedules += 1
        self.runs += played.runs
        self.effects += played.writes
        self.wrong += len(played.wrong)
        if played.wrong:
            self.red.append((played.story.seed, "; ".join(played.wrong)))


def run_series(seeds: range, _regime: Regime = "inside", protection: str = "") -> Tally:
    """Play a range of seeds in this process."""
    tally, began = Tally(), perf_counter()
    for played in _each(seeds, protection):
        tally.add(played)
    tally.seconds = perf_counter() - began
    return tally


def run_one(seed: int, regime: Regime = "inside", protection: str = "") -> Played:
    """Play one schedule."""
    return next(_each(range(seed, seed + 1), protection))


def first_red(protection: str, seeds: range, regime: Regime) -> tuple[int, str] | None:
    """How many schedules it takes until a missing protection is noticed, and by what."""
    for played in _each(seeds, protection):
        if played.wrong:
            return played.story.seed - seeds.start + 1, played.wrong[0]
    return None


def play_each(seeds: range) -> Iterator[Played]:
    """Play a range of seeds with every protection there."""
    yield from _each(seeds, "")


def _each(seeds: range, protection: str) -> Iterator[Played]:
    with SWITCHES[protection]() if protection else nullcontext():
        for seed in seeds:
            yield _follow(draw(seed))


def _follow(story: Story) -> Played:
    world, judge, played = _world_of(story), Judge(story), Played(story)
    for edits in (*story.rounds, ()):
        _run(world, judge, played)
        if came_back := world.carry_out():
            played.wrong.append(f"nobody changed anything, and it wrote {came_back}")
        played.runs += 2
        if played.wrong:
            break
        for edit in edits:
            _make(world, edit)
    world.db.close()
    return played


def _run(world: World, judge: Judge, played: Played) -> None:
    right = judge.right(_books(world))
    writes = world.carry_out()
    played.writes += len(writes)
    played.wrong += judge.after(right, _books(world), writes)


def _world_of(story: Story) -> World:
    everybody = set(range(1, PEOPLE + 1))
    world = World(filters={1: everybody}, segments={51: {f"m{n}" for n in everybody}})
    world.crm_writes, world.engagement_writes = (
        keeps(story.crm_writes), keeps(story.engagement_writes)
    )  # fmt: skip
    for flow, trigger, of, names in (
        ("out", "filters", {1}, story.out), ("into", "segments", {51}, story.into)
    ):  # fmt: skip
        rules = {name: story.rules[name] for name in names}
        world.flow(flow, trigger, of, mapping={n: FIELDS[n] for n in names}, rules=rules)
    for edit in story.first:
        _make(world, edit)
    return world


def _make(world: World, edit: Edit) -> None:
    email = f"{edit.person}@example.org"
    if edit.side == "crm":
        world.person(edit.person, email, **{edit.field: edit.value})
    else:
        world.member(f"m{edit.person}", email, **{FIELDS[edit.field]: edit.value})


def _books(world: World) -> Books:
    people = range(1, PEOPLE + 1)
    members = {person: world.members[f"m{person}"] for person in people}
    return Books(
        {(p, name): world.persons[p][name] for p in people for name in FIELDS},
        {(p, name): members[p]["merges"][tag] for p in people for name, tag in FIELDS.items()},
        {p: world.persons[p]["at"] for p in people},
        {p: members[p]["at"] for p in people},
    )


@contextmanager
def _no_memory_of_our_writes() -> Iterator[None]:
    """Only what both sides were once seen to agree on is known: nothing of our own writes."""
    written = build.sql_of

    def forgetful(sync: str, table: str) -> str:
        sql = written(sync, table)
        if table != "resolve.agreements":
            return sql
        forgot = sql.replace("FROM staging.syncline__held", "FROM staging.syncline__held LIMIT 0")
        assert forgot != sql
        return forgot

    with patch.object(build, "sql_of", forgetful):
        yield


SWITCHES = {"echo suppression": _no_memory_of_our_writes}
