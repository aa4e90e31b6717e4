"""The oracle's own rules, without the product: what it would say must be right first."""

from pathlib import Path

import duckdb
import pytest

from tests.oracle import scenarios as make
from tests.oracle.automations import automating, crossings, follow_overriding, note_news
from tests.oracle.bench import Bench, definition
from tests.oracle.definition import Bot, Rule
from tests.oracle.invariants import Left, resubscribed, unclear_reasons
from tests.oracle.lives import Life, Lives
from tests.oracle.people import Contact, Increment
from tests.oracle.reading import Happening

CLICK = Rule("r", "click", 2, True, False, False, ("call",))


def life(bot_id: str, *, is_for_all: bool = False, notes: tuple[str, ...] = ()) -> Life:
    bot = Bot(bot_id, None if is_for_all else 1, (CLICK,), notes, False)
    edits = {"r": (2, 0)} | {f"note {kind}": (1, 0) for kind in notes}
    return Life(bot, {}, 0, is_new=False, edits=edits)


class Two(Lives):
    """A bot for all contacts and a filter bot, both at work."""

    def __init__(self) -> None:
        super().__init__()
        self._all = {"all": life("all", is_for_all=True), "some": life("some", notes=("open",))}


def clicked(contact: Contact, sweep: int, times: int) -> None:
    happening = Happening("click", "c", contact.address, "l")
    contact.increments.append(Increment(happening, times, sweep))


def seen(contact: Contact, of: Life) -> list[str]:
    return [f"{count}.{series or 0}" for _, _, count, series in crossings(contact, of, CLICK)]


def test_a_filter_bot_with_automations_overrides_and_falling_back_counts_from_zero() -> None:
    """MG-17."""
    lives, contact = Two(), Contact(1, "a@example.org", 7)
    contact.bots = ("all", "some")
    clicked(contact, 1, 5)
    follow_overriding(contact, lives, 1)
    assert [one.bot.id for one in automating(contact, lives)] == ["some"]
    contact.bots = ("all",)
    clicked(contact, 2, 1)
    follow_overriding(contact, lives, 2)
    assert [one.bot.id for one in automating(contact, lives)] == ["all"]
    assert seen(contact, lives["all"]) == []
    clicked(contact, 3, 4)
    assert seen(contact, lives["all"]) == ["2.1", "4.1"]


def test_a_bare_filter_bot_and_a_new_one_override_nothing() -> None:
    """MG-17."""
    lives, contact = Two(), Contact(1, "a@example.org", 7, ("all", "some"))
    lives["some"].is_new = True
    assert {one.bot.id for one in automating(contact, lives)} == {"all", "some"}
    lives["some"].is_new = False
    lives["some"].bot = Bot("some", 1, (), (), False)
    assert "all" in {one.bot.id for one in automating(contact, lives)}


def test_a_merge_takes_along_that_the_absorbed_ones_events_were_overridden() -> None:
    """MG-17."""
    lives = Two()
    kept, absorbed = Contact(1, "a@example.org", 7), Contact(2, "b@example.org", 8)
    clicked(kept, 1, 2)
    clicked(absorbed, 1, 2)
    absorbed.is_overridden = True
    kept.inherit(absorbed)
    assert seen(kept, lives["all"]) == ["2.0"]
    assert seen(kept, lives["some"]) == ["2.0", "4.0"]


def test_what_the_absorbed_one_fired_for_events_that_count_on_is_not_fired_again() -> None:
    """MG-17, MG-18: and what it fired for those it had fallen back from bars nothing."""
    kept, absorbed = Contact(1, "a@example.org", 7), Contact(2, "b@example.org", 8, fallbacks=1)
    absorbed.fired = {("all", "r", 2, 0), ("all", "r", 4, 1), ("some", "r", 2, None)}
    kept.inherit(absorbed)
    assert kept.fired == {("all", "r", 4, 0), ("some", "r", 2, None)}


def test_events_of_a_users_pause_do_not_count_and_the_run_that_ends_it_is_part_of_it() -> None:
    """MG-18."""
    lives, contact = Two(), Contact(1, "a@example.org", 7, ("some",))
    lives.pause("some")  # before run 1
    lives["some"].end_pause(3)  # met again by run 2
    for sweep in (1, 2, 3):
        clicked(contact, sweep, 2)
    assert seen(contact, lives["some"]) == ["2.0"]


def test_another_n_counts_only_what_is_reached_after_the_edit() -> None:
    """MG-18."""
    one, contact = life("some"), Contact(1, "a@example.org", 7, ("some",))
    one.edits["r"] = (("click", 2, True), 1)
    clicked(contact, 1, 3)
    assert seen(contact, one) == []
    clicked(contact, 2, 3)
    assert seen(contact, one) == ["4.0", "6.0"]


def test_what_a_bot_saw_first_while_another_overrode_it_is_not_noted_by_it_later() -> None:
    """MG-16, MG-17."""
    lives, contact = Two(), Contact(1, "a@example.org", 7, ("all", "some"))
    contact.increments.append(Increment(Happening("open", "c", contact.address), 1, 1))
    note_news(contact, automating(contact, lives), 1)
    assert contact.to_note == {("some", ("c", "open", ""))}


def test_a_newcomer_becomes_one_person_unless_somebody_has_the_address(bench: Bench) -> None:
    """MG-22, MG-24."""
    wanted = definition(make.customers()) | {"new_subscribers": {"owner": "ann@acme.example"}}
    bench.start(wanted, people=60)
    bench.act("subscribe", "before@elsewhere.example")
    assert not bench.oracle.sweep(bench.world(), wrote=True).persons
    world = bench.world()
    known = make.address(world, make.outsiders(world)[0])
    for email in ("Later@elsewhere.example", known):
        bench.act("subscribe", email, fields={"FNAME": "La", "LNAME": "Ter"})
    [made] = bench.oracle.sweep(bench.world(), wrote=True).persons
    assert (made.email, made.first_name, made.last_name) == ("later@elsewhere.example", "La", "Ter")
    assert not bench.oracle.sweep(bench.world(), wrote=True).persons


def test_who_left_and_is_put_back_by_a_call_is_told(bench: Bench) -> None:
    """ALL-08."""
    bench.start(definition(make.customers()), people=60)
    left, start = Left(bench.seeded), bench.seq()
    gone = sorted(left.addresses)[0]
    bench.act("remove", gone)
    assert not list(resubscribed(bench.ever_members(), left, bench.journal(start)))
    form = {"id": bench.seeded.list_id, "email_address": gone, "double_optin": "false"}
    bench.list.call("listSubscribe", **form)
    told = list(resubscribed(bench.ever_members(), left, bench.journal(start)))
    assert any("is subscribed again" in sentence for sentence in told), told
    bench.list.call("listMemberDelete", id=bench.seeded.list_id, email_address=gone)
    told = list(resubscribed(bench.ever_members(), left, bench.journal(start)))
    assert any("put it back" in sentence for sentence in told), told


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("address has bounced hard", ""),
        ("", "no sentence"),
        ("HttpError while writing", "exception"),
        ("the field first_name is too long", "name of code"),
        ("ann@example.org is not usable", "an address"),
        ("value None is not usable", "value of code"),
    ],
)
def test_a_reason_must_be_a_sentence_for_an_operator(
    tmp_path: Path, reason: str, said: str
) -> None:
    """ALL-10."""
    with duckdb.connect(str(tmp_path / "p.duckdb")) as db:
        db.execute("CREATE SCHEMA history")
        db.execute(
            "CREATE TABLE history.skipped AS SELECT 'person' AS object, ? AS reason", [reason]
        )
        db.execute("CREATE TABLE history.writes (object TEXT, said TEXT, reason TEXT, state TEXT)")
    told = list(unclear_reasons(tmp_path / "p.duckdb"))
    assert (said in told[0]) if said else not told
