"""MG-18: whoever need not be counted again is not, and the crossings are as if everybody had been.

The oracle is the model itself over everything; it has tests of its own in `tests/transforms`.
"""

import random
from collections.abc import Iterator

import duckdb
import pytest
from tables import given

from pipelines.mailigen_pipedrive import counting
from pipelines.mailigen_pipedrive.sweep import SYNC
from state.staging import Work, open_work
from transforms.build import build, sql_of

TABLES = {
    "staging.syncline__rules": "bot_id:varchar | rule_id:varchar | event:varchar | threshold:bigint | is_repeated:boolean | counting_since:bigint | effective_since:bigint",
    "staging.syncline__pauses": "bot_id:varchar | from_sweep:bigint | until_sweep:bigint",
    "resolve.contacts": "contact_id:varchar | is_selected:boolean | automated_by:varchar[]",
    "resolve.holdings": "contact_id:varchar | email:varchar | from_sweep:bigint | until_sweep:bigint",
    "resolve.heirs": "contact_id:varchar | email:varchar | from_sweep:bigint | ancestor_id:varchar | up_to_sweep:bigint",
    "resolve.fallbacks": "bot_id:varchar | contact_id:varchar | held_by:varchar | fell_back_in:bigint",
}  # fmt: skip
CROSSED = "bot_id, rule_id, contact_id, crossing, multiple, event_count, crossed_in_sweep"
PEOPLE, STEPS, SEEDS = 12, 25, 12


@pytest.fixture
def work(tmp_path, monkeypatch) -> Iterator[Work]:
    """Files of a run: twelve contacts with an address each, two rules, no event yet."""
    monkeypatch.setattr(counting, "MANY", 0)
    with open_work(tmp_path, "acme", threads=1) as opened:
        for table, columns in TABLES.items():
            given(opened.db, table, columns)
        opened.db.execute("""
            INSERT INTO staging.syncline__rules VALUES
                ('one', 'warm', 'open', 2, FALSE, 0, -1), ('one', 'hot', 'click', 3, TRUE, 0, -1),
                ('two', 'warm', 'open', 1, FALSE, 0, -1)
        """)
        for n in range(PEOPLE):
            opened.db.execute("INSERT INTO resolve.contacts VALUES (?, TRUE, ['one'])", [f"c{n}"])
            opened.db.execute(
                "INSERT INTO resolve.holdings VALUES (?, ?, 0, NULL)", [f"c{n}", f"p{n}@x.lv"]
            )
        build(opened.db, SYNC, "resolve.contact_events")
        yield opened


def see(work: Work, sweep: int, who: int, kind: str = "open", times: int = 1) -> None:
    work.db.execute(
        "INSERT INTO history.events VALUES (?, ?, ?, '', ?, ?, NULL, now())",
        [f"k{sweep}", f"p{who}@x.lv", kind, sweep, times],
    )


def count(work: Work, sweep: int) -> list[tuple]:
    counting.count(work.db, sweep, work.history_generation)
    return crossed(work.db, "resolve.crossings")


def crossed(db: duckdb.DuckDBPyConnection, place: str) -> list[tuple]:
    return db.execute(f"SELECT {CROSSED} FROM {place} ORDER BY ALL").fetchall()


def of_everybody(work: Work) -> list[tuple]:
    return crossed(work.db, f"({sql_of(SYNC, 'resolve.crossings')})")


@pytest.fixture
def again(monkeypatch) -> list[set[str]]:
    """Who was counted again, for each time that not everybody was."""
    told: list[set[str]] = []
    inner = counting._count_again

    def watched(db: duckdb.DuckDBPyConnection) -> None:
        told.append({contact for (contact,) in db.execute("FROM changed").fetchall()})
        inner(db)

    monkeypatch.setattr(counting, "_count_again", watched)
    return told


def test_only_who_had_events_or_is_another_is_counted_again(work, again):
    """MG-18"""
    for who in (1, 2, 3):
        see(work, 1, who)
        see(work, 2, who)
    assert len(count(work, 2)) == 3
    assert again == []
    assert len(count(work, 3)) == 3
    see(work, 4, 4, "click", times=7)
    assert len(count(work, 4)) == 5
    work.db.execute("UPDATE resolve.contacts SET is_selected = FALSE WHERE contact_id = 'c2'")
    assert [row[2] for row in count(work, 5)] == ["c4", "c4", "c1", "c3"]
    assert again == [set(), {"c4"}, {"c2"}]


def test_whatever_happens_the_crossings_are_those_of_counting_everybody(work, again):
    """MG-18: drawn histories of everything that a count depends on."""
    for seed in range(SEEDS):
        dice = random.Random(seed)
        work.db.execute("DELETE FROM history.events; DELETE FROM staging.syncline__pauses")
        for sweep in range(1 + 100 * seed, 1 + 100 * seed + STEPS):
            for _ in range(dice.randint(0, 3)):
                happen(work, sweep, dice)
            if dice.random() < 0.2:
                continue  # a run that died before it counted
            assert count(work, sweep) == of_everybody(work), f"seed {seed}, sweep {sweep}"
    assert len(again) > SEEDS * STEPS / 3
    assert any(again)


def happen(work: Work, sweep: int, dice: random.Random) -> None:
    """Something that changes a count, or does not."""
    db, who, other = work.db, dice.randrange(PEOPLE), dice.randrange(PEOPLE)
    happened = dice.randrange(18)
    if happened < 6:
        see(work, sweep, who, dice.choice(["open", "click"]), dice.randint(1, 4))
    elif happened == 6:
        see(work, dice.randint(1, sweep), who)  # of a campaign whose kind nobody asked for before
    elif happened == 7:
        db.execute("DELETE FROM history.events WHERE email = ?", [f"p{who}@x.lv"])
    elif happened == 8:
        db.execute(
            "UPDATE resolve.holdings SET until_sweep = ? WHERE email = ? AND until_sweep IS NULL",
            [sweep, f"p{who}@x.lv"],
        )
        db.execute(
            "INSERT INTO resolve.holdings VALUES (?, ?, ?, NULL)",
            [f"c{other}", f"p{who}@x.lv", sweep],
        )
    elif happened == 9:
        db.execute(
            "UPDATE resolve.contacts SET is_selected = NOT is_selected WHERE contact_id = ?",
            [f"c{who}"],
        )
    elif happened == 10:
        db.execute("INSERT INTO staging.syncline__pauses VALUES ('one', ?, ?)", [sweep - 1, sweep])
    elif happened == 11:
        db.execute(
            "UPDATE staging.syncline__rules SET threshold = ? WHERE rule_id = 'warm'",
            [dice.randint(1, 4)],
        )
    elif happened == 12:
        db.execute(
            "INSERT INTO resolve.fallbacks VALUES ('one', ?, ?, ?)",
            [f"c{who}", f"c{who}", sweep],
        )
    elif happened in (13, 14):
        # Several enter a filter together, or leave it.
        some = [f"c{n}" for n in dice.sample(range(PEOPLE), 2 * dice.randint(1, 3))]
        bots = dice.choice([["one"], ["two"], ["one", "two"]])
        db.execute(
            "UPDATE resolve.contacts SET automated_by = ? WHERE list_contains(?, contact_id)",
            [bots, some],
        )
    elif happened == 15:
        # Two change places.
        db.execute(
            "UPDATE resolve.contacts AS c SET automated_by = o.automated_by "
            "FROM (SELECT contact_id, automated_by FROM resolve.contacts) AS o "
            "WHERE (c.contact_id, o.contact_id) IN ((?, ?), (?, ?))",
            [f"c{who}", f"c{other}", f"c{other}", f"c{who}"],
        )
    elif happened == 16:
        db.execute("UPDATE resolve.fallbacks SET fell_back_in = ?", [sweep])
    else:
        db.execute(
            "INSERT INTO resolve.heirs VALUES (?, ?, 0, ?, ?)",
            [f"c{who}", f"p{who}@x.lv", f"c{other}", sweep],
        )


@pytest.mark.parametrize("bots", [("['one']", "['one']"), ("['one']", "['two']")])
def test_two_that_change_alike_or_change_places_do_not_cancel_each_other(work, again, bots):
    """MG-18"""
    for who, had in zip(("c1", "c2"), bots, strict=True):
        work.db.execute(
            f"UPDATE resolve.contacts SET automated_by = {had} WHERE contact_id = '{who}'"
        )
        see(work, 1, int(who[1:]))
    count(work, 1)
    work.db.execute(
        "UPDATE resolve.contacts SET automated_by = "
        "CASE WHEN automated_by = ['one'] THEN ['two'] ELSE ['one'] END "
        "WHERE contact_id IN ('c1', 'c2')"
    )
    assert count(work, 2) == of_everybody(work)
    assert again == [{"c1", "c2"}]


def test_the_same_events_under_other_sweeps_are_counted_whole(work, again):
    """ALL-04: a backup was put back, and other runs used up the numbers in between."""
    see(work, 1, 1)
    see(work, 7, 1)
    count(work, 7)
    work.db.execute("UPDATE history.events SET sweep = 6 WHERE sweep = 7")
    assert count(work, 8) == of_everybody(work)
    assert again == []


def test_a_comment_that_is_not_ours_says_nothing(work, again):
    """ALL-04"""
    see(work, 1, 1)
    count(work, 1)
    work.db.execute("COMMENT ON TABLE resolve.crossings IS 'mine'")
    assert count(work, 2) == of_everybody(work)
    assert again == []


@pytest.mark.parametrize(
    ("what", "statement"),
    [
        ("the table was made in another way", "CREATE OR REPLACE TABLE resolve.crossings AS FROM resolve.crossings WHERE FALSE"),
        ("events were deleted", "DELETE FROM history.events WHERE email = 'p1@x.lv' AND sweep = 1"),
        ("an event was put in under an older sweep", "INSERT INTO history.events VALUES ('old', 'p1@x.lv', 'click', '', 1, 3, NULL, now())"),
        ("a rule is another", "UPDATE staging.syncline__rules SET threshold = 1"),
        ("a bot was paused", "INSERT INTO staging.syncline__pauses VALUES ('one', 2, 3)"),
    ],
)  # fmt: skip
def test_everybody_is_counted_when(what, statement, work, again):
    """MG-18"""
    see(work, 1, 1)
    see(work, 2, 1)
    count(work, 2)
    work.db.execute(statement)
    assert count(work, 3) == of_everybody(work), what
    assert again == []


def test_a_backup_put_back_beside_a_newer_work_file_is_counted_whole(work, again):
    """ALL-04: the sweep that the crossings were counted in comes a second time."""
    see(work, 1, 1)
    see(work, 5, 1)
    count(work, 5)
    work.db.execute("UPDATE history.events SET email = 'p2@x.lv'")
    ((_, _, contact, *_),) = count(work, 5)
    assert contact == "c2"
    assert again == []


def test_who_dies_while_counting_again_leaves_nothing_to_rely_on(work, again, monkeypatch):
    """ALL-06"""
    see(work, 1, 1)
    count(work, 1)
    see(work, 2, 1)

    class Death(BaseException):
        pass

    def dies(*_: object) -> None:
        raise Death

    with monkeypatch.context() as dying:
        dying.setattr(counting, "build", dies)
        with pytest.raises(Death):
            count(work, 2)
    work.db.execute("DETACH DATABASE IF EXISTS few")
    assert count(work, 3) == of_everybody(work)
    assert len(again) == 1


def test_a_short_history_is_counted_whole_and_nothing_is_kept_of_it(work, again, monkeypatch):
    """MG-18"""
    monkeypatch.setattr(counting, "MANY", 3)
    see(work, 1, 1)
    see(work, 2, 1)
    assert len(count(work, 2)) == len(count(work, 3)) == 1
    assert again == []
    assert work.db.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'counted' OR comment IS NOT NULL"
    ).fetchall() == [(0,)]
