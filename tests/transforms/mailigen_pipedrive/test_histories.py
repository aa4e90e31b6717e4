"""Random histories of who speaks for which address: nobody is doubled, lost or fired for twice.

A step says who speaks where, who opens an e-mail, who leaves the list, who is deleted. The
plan is carried out on a list that is a dict, so that what a subscriber would see is checked.
"""

import json
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipelines.mailigen_pipedrive.sweep import SYNC
from transforms.build import build

ADDRESSES = ("a@x.lv", "b@x.lv", "c@x.lv")
PERSONS = (1, 2, 3, 4)
EXAMPLES = 30
AFTER_WHO = (
    "resolve.consent", "resolve.contact_events", "resolve.fallbacks", "resolve.crossings",
    "resolve.fired", "resolve.due",
    "resolve.places", "resolve.differences", "plan.members", "plan.activities",
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """What the world is like in one sweep."""

    speakers: tuple[int | None, ...]  # per address, the person that speaks for it
    opened: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    deleted: frozenset[int] = frozenset()


@st.composite
def steps(draw):
    order = draw(st.permutations((*PERSONS, None, None)))
    some = st.frozensets(st.sampled_from(ADDRESSES), max_size=2)
    rarely = st.integers(0, 5)
    return Step(
        speakers=tuple(order[: len(ADDRESSES)]),
        opened=draw(some),
        left=draw(some) if draw(rarely) == 0 else frozenset(),
        deleted=frozenset({draw(st.sampled_from(PERSONS))}) if draw(rarely) == 0 else frozenset(),
    )


@dataclass
class World:
    """A sync's whole surroundings, kept as plainly as possible."""

    life: object
    listed: dict[str, str] = field(default_factory=dict)  # address -> status
    written: dict[str, tuple[str, dict]] = field(default_factory=dict)  # contact -> last write
    deleted: set[int] = field(default_factory=set)
    barred: dict[str, str] = field(default_factory=dict)
    fired: list[tuple] = field(default_factory=list)
    fired_again: list[tuple] = field(default_factory=list)
    opted_out: set[int] = field(default_factory=set)  # persons who spoke for an opted-out address

    def sweep(self, step: Step) -> dict[str, str]:
        """Live through a step; return the contact of each address that somebody speaks for."""
        db = self.life.db
        self.deleted |= step.deleted
        winners = {
            email: person
            for email, person in zip(ADDRESSES, step.speakers, strict=True)
            if person is not None and person not in self.deleted
        }
        for email in step.left & self.listed.keys():
            self.listed[email] = "unsubscribed"
        for email, status in self.listed.items():
            if status == "unsubscribed":
                self.barred[email] = status
                self.opted_out |= {p for e, p in winners.items() if e == email}
        self.tell_sql()
        seen = self.life.sweep(winners)
        for email in step.opened:
            db.execute(
                "INSERT INTO history.events (campaign, email, sweep) VALUES (?, ?, ?)",
                [f"k{self.life.number}", email, self.life.number],
            )
        build(db, SYNC, *AFTER_WHO)
        return seen.contacts

    def rows(self, query: str) -> list[tuple]:
        return self.life.db.execute(query).fetchall()

    def tell_sql(self) -> None:
        """Put the list, what was written to it, opt-outs and deletions where the models look."""
        db = self.life.db
        for table, rows in (
            ("staging.mailigen__members", [*self.listed.items()]),
            ("staging.syncline__consent", [*self.barred.items()]),
            ("staging.pipedrive__confirmations", [(p, True) for p in self.deleted]),
            (
                "staging.syncline__members",
                [(c, e, m, "done", None, False) for c, (e, m) in self.written.items()],
            ),
        ):
            db.execute(f"DELETE FROM {table}")
            if rows:
                db.executemany(
                    f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows
                )

    def carry_out(self) -> None:
        """Do what the plan says, as Mailigen would, and refuse what it would refuse."""
        db = self.life.db
        for contact, action, replaces, before, after in db.execute(
            "SELECT contact_id, action, leaves_old_behind, before, after FROM plan.members "
            "WHERE action <> 'skip' ORDER BY write_key"
        ).fetchall():
            old = json.loads(before)["email"] if before else None
            if action in ("delete", "forget"):
                del self.written[contact]
                if action == "delete":
                    assert self.listed.pop(old) is not None, "deleted a stranger"
                continue
            wanted = json.loads(after)
            email = wanted["email"]
            if action == "create":
                assert email not in self.listed
                self.listed[email] = "subscribed"
            elif action == "move":
                assert email not in self.listed
                assert self.listed.pop(old) == "subscribed"
                self.listed[email] = "subscribed"
            else:
                assert self.listed[email] == "subscribed"
                if replaces:
                    assert self.listed.pop(old) == "subscribed"
            self.written[contact] = (email, wanted["merges"])
        self.fire()

    def fire(self) -> None:
        db = self.life.db
        answered = {(heir, old): until for heir, old, until in self.rows("FROM resolve.lineage")}
        answered |= {(contact, contact): self.life.number for contact, *_ in self.fired}
        for key, contact, person, rule, crossing in self.rows(
            "SELECT write_key, contact_id, person_id_pipedrive, rule_id, crossing "
            "FROM plan.activities"
        ):
            self.fired_again += [
                known
                for known in self.fired
                if known[2:4] == (rule, crossing)
                and known[4] <= answered.get((contact, known[0]), 0)
            ]
            self.fired.append((contact, person, rule, crossing, self.life.number))
            db.execute(
                "INSERT INTO staging.syncline__deeds VALUES (?, ?, 'done')",
                [key, self.life.number],
            )


@pytest.fixture
def new_world(new_life):
    def begun() -> World:
        life = new_life()
        life.db.executemany(
            "INSERT INTO staging.pipedrive__persons (person_id_pipedrive) VALUES (?)",
            [[p] for p in PERSONS],
        )
        life.db.execute(
            "INSERT INTO staging.syncline__rules (bot_id, rule_id, threshold, is_repeated) "
            "VALUES ('all', 'once', 1, FALSE), ('all', 'often', 2, TRUE)"
        )
        return World(life)

    return begun


@pytest.mark.slow
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(steps(), min_size=3, max_size=7))
def test_no_history_doubles_loses_bars_wrongly_or_fires_twice(new_world, history):
    world = new_world()
    for step in history:
        contacts = world.sweep(step)
        one_address_has_one_contact_and_one_contact_one_address(world, contacts)
        an_opt_out_is_never_answered_by_a_new_subscription(world)
        one_opening_is_never_the_cause_of_two_activities(world, contacts)
        world.carry_out()
        no_contact_that_has_a_subscriber_is_lost(world)
        whoever_speaks_for_an_address_is_on_the_list_or_told_why_not(world, contacts)
    no_rule_fires_twice_for_one_person_or_one_lineage(world)
    no_opening_at_an_address_somebody_ever_had_is_lost(world)
    world.sweep(Step(history[-1].speakers))
    the_same_world_again_plans_nothing(world)


def one_address_has_one_contact_and_one_contact_one_address(world, contacts):
    assert len(set(contacts.values())) == len(contacts)
    world.life.recall()
    current = world.rows(
        "SELECT email, contact_id FROM staging.syncline__contacts WHERE merged_into IS NULL"
    )
    assert len({email for email, _ in current}) == len(current)
    assert all(email is not None for email, _ in current)
    assert contacts.items() <= set(current)


def an_opt_out_is_never_answered_by_a_new_subscription(world):
    fresh = world.rows(
        "SELECT p.email, c.person_id_pipedrive FROM plan.members AS p "
        "JOIN resolve.contacts AS c ON c.contact_id = p.contact_id "
        "WHERE p.action IN ('create', 'move')"
    )
    assert not {email for email, _ in fresh} & world.barred.keys()
    assert not {person for _, person in fresh} & world.opted_out


def one_opening_is_never_the_cause_of_two_activities(world, contacts):
    """Whoever speaks for the address answers for it; a fork only for what came before it."""
    causes = world.rows(
        "SELECT DISTINCT a.rule_id, a.contact_id, e.email FROM plan.activities AS a "
        "JOIN resolve.contact_events AS e ON e.contact_id = a.contact_id "
        f"WHERE a.rule_id = 'once' AND e.sweep = {world.life.number}"
    )
    emails = [email for _, _, email in causes if email in contacts]
    assert len(set(emails)) == len(emails)


def no_contact_that_has_a_subscriber_is_lost(world):
    known = {contact for (contact,) in world.rows("SELECT contact_id FROM resolve.contacts")}
    assert world.written.keys() <= known
    places = [email for email, _ in world.written.values()]
    assert len(set(places)) == len(places), "two contacts keep one subscriber"
    subscribed = {e for e, status in world.listed.items() if status == "subscribed"}
    assert subscribed <= set(places), "a subscriber of ours belongs to no contact"


def whoever_speaks_for_an_address_is_on_the_list_or_told_why_not(world, contacts):
    left_out = {
        contact
        for (contact,) in world.rows(
            "SELECT contact_id FROM plan.members WHERE action IN ('skip', 'forget') "
            "AND reason IS NOT NULL"
        )
    }
    for email, contact in contacts.items():
        is_listed = world.listed.get(email) == "subscribed"
        assert contact in left_out or (is_listed and world.written[contact][0] == email)


def no_rule_fires_twice_for_one_person_or_one_lineage(world):
    once = [person for _, person, rule, *_ in world.fired if rule == "once"]
    assert len(set(once)) == len(once), "one person, fired for twice"
    assert not world.fired_again, "fired for by an ancestor before"


def no_opening_at_an_address_somebody_ever_had_is_lost(world):
    assert not world.rows(
        "SELECT e.* FROM history.events AS e "
        "SEMI JOIN resolve.holdings AS h ON h.email = e.email "
        "ANTI JOIN resolve.contact_events AS c ON c.email = e.email AND c.sweep = e.sweep"
    )


def the_same_world_again_plans_nothing(world):
    assert not world.rows(
        "SELECT contact_id, action FROM plan.members WHERE action <> 'skip' "
        "UNION ALL SELECT contact_id, 'activity' FROM plan.activities"
    )
