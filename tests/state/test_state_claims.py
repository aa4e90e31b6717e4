"""Row claims: what must exist once in an account is created once, whichever sync wants it."""

import pytest
from state_rows import HORIZON

from state import deeds, ledger
from state.deeds import Deed
from state.lease import acquire


def person(sync, **more):
    """Two syncs want a person for one address, each under a key of its own."""
    key = f"person|{sync}"
    return Deed(key, "crm", "person", "person", "", {}, **{"natural_key": "ann@x.lv", **more})


@pytest.fixture
def news(state):
    return wanting(state, "news")


@pytest.fixture
def shop(state):
    return wanting(state, "shop")


def wanting(state, sync, **more):
    lease = acquire(state, sync, run_id=f"run of {sync}")
    ledger.seal(lease, deeds=[person(sync, **more)])
    return lease


def claim(lease):
    """True when the sync may create its person now."""
    return bool(deeds.claim(lease, [f"person|{lease.sync}"], lease.state.now()))


def row(lease):
    return deeds.by_key(lease.state, f"person|{lease.sync}")


def test_of_two_syncs_wanting_one_person_one_may_create_it(news, shop):
    assert claim(news)
    assert not claim(shop)
    assert (row(shop).state, row(shop).attempt, row(shop).sending_at) == ("planned", 0, None)
    assert "sync news may have created this person under person|news" in row(shop).said


def test_a_person_that_was_created_is_never_created_by_another_sync_and_the_remedy_is_told(
    news, shop
):
    claim(news)
    deeds.done(news, [("person|news", "71")])
    assert not claim(shop)
    assert "if somebody deleted it since, make it there by hand" in row(shop).said


def test_a_person_that_may_exist_is_not_created_by_another_sync(news, shop, clock):
    claim(news)
    deeds.unknown(news, [("person|news", "no answer")])
    assert not claim(shop)
    deeds.absent(news, "person|news", at=clock.advance(300), horizon=HORIZON)
    assert not claim(shop)
    assert claim(news)


def test_a_refusal_gives_the_person_back(news, shop):
    claim(news)
    deeds.refused(news, [("person|news", "no seat left")])
    assert claim(shop)
    assert row(shop).said == ""


def test_a_first_request_that_was_not_sent_gives_the_person_back(news, shop):
    claim(news)
    deeds.back_to_planned(news, ["person|news"])
    assert claim(shop)


def test_a_second_request_that_was_not_sent_keeps_the_person_for_the_first_may_come_late(
    news, shop, clock
):
    lose_an_answer(news, clock)
    claim(news)
    deeds.back_to_planned(news, ["person|news"])
    assert not claim(shop)
    assert row(shop).said.endswith("person|news: `syncline run news`")


def lose_an_answer(lease, clock):
    """A request without an answer, of which nothing shows after the horizon."""
    claim(lease)
    deeds.unknown(lease, [(f"person|{lease.sync}", "no answer")])
    deeds.absent(lease, f"person|{lease.sync}", at=clock.advance(300), horizon=HORIZON)


def test_a_withdrawn_deed_gives_the_person_back(state, shop, clock):
    news = wanting(state, "news", bot_id="warm")
    lose_an_answer(news, clock)
    assert not claim(shop)
    deeds.withdraw(news, ["warm"], why="paused by ann")
    assert claim(shop)


def test_set_up_that_the_plan_wants_no_more_is_withdrawn_with_its_claim(state, news, shop, clock):
    lose_an_answer(news, clock)
    note = Deed("note|1", "crm", "note", "note", "c1", {})
    ledger.seal(news, deeds=[note, Deed("person|2", "crm", "person", "person", "", {})])

    assert deeds.withdraw_unwanted(news, ["person"], ["person|2"], why="it is there") == 1

    assert (row(news).state, row(news).said) == ("withdrawn", "it is there")
    assert {deeds.by_key(state, key).state for key in ("note|1", "person|2")} == {"planned"}
    assert claim(shop)


def test_another_address_or_account_is_another_person(state, news):
    claim(news)
    assert claim(wanting(state, "shop", natural_key="bob@x.lv"))
    other = acquire(state, "club", run_id="run of club")
    elsewhere = Deed("person|club", "crm 2", "person", "person", "", {}, natural_key="ann@x.lv")
    ledger.seal(other, deeds=[elsewhere])
    assert claim(other)


def test_in_one_window_the_deed_that_is_held_stays_behind_and_the_others_go(news, shop):
    claim(news)
    free = Deed("person|free", "crm", "person", "person", "", {}, natural_key="bob@x.lv")
    note = Deed("note|1", "crm", "note", "note", "", {})
    ledger.seal(shop, deeds=[free, note])
    won = deeds.claim(shop, ["person|shop", "person|free", "note|1"], shop.state.now())
    assert won == {"person|free", "note|1"}
