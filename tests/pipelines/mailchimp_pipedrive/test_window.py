"""A window beside the sweeps: what it brings across, and what it leaves alone."""

from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import update

from pipelines.mailchimp_pipedrive.config import Definition
from pipelines.mailchimp_pipedrive.warm import MOST_AGAIN, Warm
from pipelines.report import Outcome
from state import consent, lease
from state.schema import settings as table
from state.writers import window_name
from tests.pipelines.mailchimp_pipedrive.flow_desk import INTO, NEW, OUT, STAGE, FlowDesk
from tests.pipelines.mailchimp_pipedrive.test_flows import done, quiet


def warm(desk: FlowDesk) -> Warm:
    return Warm(
        Definition.model_validate(desk.wanted), desk.connections, desk.settings, desk.around
    )


def window(desk: FlowDesk, *named: tuple[str, ...], ends: str = "done") -> Outcome:
    with closing(warm(desk)) as one:
        outcome = one.window(named)
    assert outcome.outcome == ends, outcome.said
    return outcome


def person(person_id: int) -> tuple[str, str]:
    return "person", str(person_id)


def test_an_edit_goes_across_and_the_sweep_after_it_writes_nothing(desk: FlowDesk) -> None:
    """MC-10, MC-11, ALL-06: nor does the window that our own write rings for"""
    desk.start()
    who, email = desk.untouched()
    done(desk)
    desk.edit(who, first_name="Zelda")
    window(desk, person(who))
    assert desk.merges(email)["FNAME"] == "Zelda"
    desk.effects()
    window(desk, person(who), ("member", desk.audience, email))
    assert desk.effects() == []
    quiet(desk)


def test_two_ways_carry_each_edit_once_and_never_echo(desk: FlowDesk) -> None:
    """MC-05, MC-10, ALL-06: the bases that a window leaves are the sweep's, and the other way"""
    desk.start(OUT, INTO)
    who, email = desk.untouched()
    done(desk)
    desk.act("tag", email, tag="Nobody yet")
    done(desk)
    named = (person(who), ("member", desk.audience, email))
    for number, side in enumerate(["crm", "engagement", "engagement", "crm"]):
        name = f"Zelda {number}"
        if side == "crm":
            desk.edit(who, first_name=name)
        else:
            desk.act("edit", email, fields={"FNAME": name})
        window(desk, *named)
        assert desk.merges(email)["FNAME"] == name
        assert desk.persons_with(email)[0]["first_name"] == name
        desk.effects()
        window(desk, *named)
        assert desk.effects() == []
    quiet(desk)


def test_a_flow_that_the_last_sweep_left_alone_goes_on_between_its_sweeps(desk: FlowDesk) -> None:
    """MC-02, MC-05, MC-10: who was in its segment is its own last walk's word"""
    daily = {"schedule": {"every": "1d"}}
    desk.start(OUT | daily, INTO | daily)
    email = "tess@new.example"
    desk.act("add", email, fields={"FNAME": "Tess", "LNAME": "Ting"})
    desk.act("tag", email, tag="Nobody yet")
    done(desk)
    assert desk.run(flow="out").outcome == "done"
    desk.act("edit", email, fields={"FNAME": "Theresa"})
    window(desk, ("member", desk.audience, email))
    assert desk.persons_with(email)[0]["first_name"] == "Theresa"


def test_who_joins_becomes_a_person_once_whoever_sees_it_first(desk: FlowDesk) -> None:
    """MC-08, ALL-06: a delivery that comes twice is one arrival"""
    desk.start(NEW)
    done(desk)
    email = "tess@new.example"
    desk.act("add", email, fields={"FNAME": "Tess", "LNAME": "Ting"})
    for _ in range(2):
        window(desk, ("member", desk.audience, email))
    (found,) = desk.persons_with(email)
    assert found["name"] == "Tess Ting"
    desk.act("edit", email, fields={"FNAME": "Theresa"})
    window(desk, ("member", desk.audience, email))
    assert desk.persons_with(email)[0]["first_name"] == "Tess", "later edits are not its business"
    quiet(desk)


def test_who_got_the_address_since_the_last_sweep_is_not_doubled(desk: FlowDesk) -> None:
    """MC-08, ALL-06: no published copy knows that person yet"""
    desk.start(NEW)
    done(desk)
    email = "tess@new.example"
    desk._crm("POST", "/api/v2/persons", {"name": "Tess", "emails": [{"value": email}]})
    desk.act("add", email, fields={"FNAME": "Tess", "LNAME": "Ting"})
    window(desk, ("member", desk.audience, email))
    (found,) = desk.persons_with(email)
    assert found["last_name"] == "Ting"
    quiet(desk)


def test_the_person_of_a_deal_that_enters_the_stage_goes_across_once(desk: FlowDesk) -> None:
    """MC-14: the window's passage is the sweep's"""
    desk.start(STAGE)
    done(desk)
    desk.control("clock", advance_s=5)
    who, email = desk.untouched()
    deal = desk.deal(who, "Lead In")
    window(desk, ("deal", str(deal)), person(who))
    assert desk.member(email) is None
    desk.move(deal, "Qualified")
    window(desk, ("deal", str(deal)))
    member = desk.member(email)
    assert member is not None
    assert member["status"] == "subscribed"
    quiet(desk)


@pytest.mark.parametrize("act", ["unsubscribe", "forget"])
def test_who_left_is_not_brought_back_by_a_window(desk: FlowDesk, act: str) -> None:
    """ALL-08: nor under another address"""
    desk.start()
    who, email = desk.untouched()
    done(desk)
    desk.act(act, email)
    desk.readdress(who, "again@moved.example")
    desk.effects()
    window(desk, person(who), ("member", desk.audience, email))
    found = desk.member("again@moved.example")
    assert found is None or found["status"] == "unsubscribed"
    with desk.state() as state:
        key = consent.read_key(desk.home)
        assert consent.in_force(state, "engagement", [email], key=key)


def test_before_a_sweep_has_published_and_for_a_flow_not_started_a_window_writes_nothing(
    desk: FlowDesk,
) -> None:
    """MC-02, ALL-12"""
    desk.start()
    who, _ = desk.untouched()
    desk.effects()
    window(desk, person(who))
    assert desk.effects() == []
    done(desk)
    desk.wanted["flows"].append(NEW)
    desk.act("add", "tess@new.example", fields={"FNAME": "Tess"})
    desk.effects()
    window(desk, ("member", desk.audience, "tess@new.example"))
    assert desk.effects() == []


def test_what_a_window_left_in_doubt_is_settled_by_the_next_sweep(desk: FlowDesk) -> None:
    """ALL-06: it takes the window's lease when that is free"""
    desk.start()
    who, email = desk.untouched()
    done(desk)
    desk.edit(who, first_name="Zelda")
    desk.fault("lost_request", "mailchimp", "*/members/*", method="PATCH", times=50)
    window(desk, person(who), ends="open")
    desk.clear_faults()
    done(desk)
    assert desk.merges(email)["FNAME"] == "Zelda"
    quiet(desk)


def test_two_windows_of_a_sync_never_meet(desk: FlowDesk) -> None:
    """ALL-13, ALL-04: the second says by whom it is held"""
    desk.start()
    done(desk)
    with desk.state() as state:
        held = lease.acquire(state, window_name("acme"), run_id="window-1")
        outcome = window(desk, person(1), ends="skipped")
        assert "window-1" in outcome.said
        lease.release(held)


def test_a_vendor_in_trouble_ends_a_window_as_failed_and_loses_nothing(desk: FlowDesk) -> None:
    """ALL-04, ALL-12: the sweep finds it"""
    desk.start()
    who, email = desk.untouched()
    done(desk)
    desk.edit(who, first_name="Zelda")
    desk.fault("status", "pipedrive", "/api/v2/persons", status=401, times=1)
    outcome = window(desk, person(who), ends="failed")
    assert "left to the next sweep" in outcome.said
    desk.clear_faults()
    done(desk)
    assert desk.merges(email)["FNAME"] == "Zelda"


def test_a_sweep_that_began_to_read_before_a_window_wrote_lets_go(desk: FlowDesk) -> None:
    """ALL-06: what it read may be older than what the window wrote"""
    desk.start()
    who, email = desk.untouched()
    done(desk)

    def step(name: str, work: Any, *rest: Any) -> Any:
        found = work(*rest)
        if name == "Extract persons":
            desk.edit(who, first_name="Young")
            window(desk, person(who))
        return found

    desk.edit(who, first_name="Old")
    outcome = desk.run(step=step)
    assert outcome.outcome == "done", outcome.said
    assert desk.merges(email)["FNAME"] == "Young"
    quiet(desk)


def test_a_paused_flow_is_left_alone_by_windows_too(desk: FlowDesk) -> None:
    """MC-02"""
    desk.start()
    who, email = desk.untouched()
    done(desk)
    desk.edit(who, first_name="Zelda")
    desk.change("out", active=False)
    window(desk, person(who))
    assert desk.merges(email)["FNAME"] != "Zelda"


def test_windows_of_one_process_see_each_run_that_publishes_between_them(desk: FlowDesk) -> None:
    """MC-10, ALL-06: what is kept from one to the next is never what it believes of the vendors"""
    desk.start(OUT, INTO)
    who, email = desk.untouched()
    other, _ = desk.untouched()
    done(desk)
    with closing(warm(desk)) as one:
        for number in range(3):
            desk.edit(who, first_name=f"Zelda {number}")
            assert one.window([person(who)]).outcome == "done"
            assert desk.merges(email)["FNAME"] == f"Zelda {number}"
            desk.effects()
            assert one.window([person(who), person(other)]).outcome == "done"
            assert desk.effects() == []
            desk.act("add", f"tess{number}@new.example", fields={"FNAME": "Tess"})
            desk.act("tag", f"tess{number}@new.example", tag="Nobody yet")
            done(desk)
            desk.act("edit", f"tess{number}@new.example", fields={"FNAME": "Theresa"})
            named = ("member", desk.audience, f"tess{number}@new.example")
            assert one.window([named]).outcome == "done"
            (found,) = desk.persons_with(f"tess{number}@new.example")
            assert found["first_name"] == "Theresa"
    quiet(desk)


def test_a_window_after_one_that_failed_begins_as_the_first_did(desk: FlowDesk) -> None:
    """ALL-04, ALL-12"""
    desk.start()
    who, email = desk.untouched()
    done(desk)
    desk.edit(who, first_name="Zelda")
    with closing(warm(desk)) as one:
        desk.fault("status", "pipedrive", "/api/v2/persons", status=401, times=1)
        assert one.window([person(who)]).outcome == "failed"
        desk.clear_faults()
        assert one.window([person(who)]).outcome == "done"
    assert desk.merges(email)["FNAME"] == "Zelda"


def test_money_that_a_window_brings_is_in_the_currency_of_the_account(desk: FlowDesk) -> None:
    """MC-03: as a sweep writes it"""
    mapping = NEW["mapping"] | {"Contract value": "SCORE"}
    desk.start(NEW | {"mapping": mapping})
    done(desk)
    desk.act("add", "tess@new.example", fields={"FNAME": "Tess", "SCORE": 12})
    window(desk, ("member", desk.audience, "tess@new.example"))
    (found,) = desk.persons_with("tess@new.example")
    money = [one for one in found["custom_fields"].values() if isinstance(one, dict)]
    assert [one["currency"] for one in money] == ["EUR"]


def test_a_window_writes_nothing_with_the_key_of_another_account(desk: FlowDesk) -> None:
    """ALL-06: links and bases are of the account that was"""
    desk.start()
    who, _ = desk.untouched()
    done(desk)
    desk.edit(who, first_name="Zelda")
    desk.secrets["MC_KEY"] = "e0" * 16 + "-us6"
    desk.effects()
    window(desk, person(who), ends="failed")
    assert desk.effects() == []


def test_whom_a_sweep_had_on_its_way_is_named_again(desk: FlowDesk) -> None:
    """MC-10, ALL-06: what the sweep read was older than the edit that rang"""
    desk.start()
    who, email = desk.untouched()
    done(desk)
    desk.edit(who, first_name="Old")
    window(desk, person(who))
    with desk.state() as state, state.write() as db:
        of_us = (table.c.sync == window_name("acme")) & (table.c.verb != "tag")
        db.execute(update(table).where(of_us).values(sync="acme", state="sending"))
    desk.edit(who, first_name="Young")
    with closing(warm(desk)) as one:
        outcome = one.window([person(who)])
        assert list(outcome.again) == [person(who)]
        assert desk.merges(email)["FNAME"] == "Old", "never two on their way"
        with desk.state() as state, state.write() as db:
            db.execute(update(table).where(table.c.sync == "acme").values(state="done"))
        outcome = one.window(outcome.again)
        assert list(outcome.again) == []
    assert desk.merges(email)["FNAME"] == "Young"


def test_nobody_is_named_again_for_ever(desk: FlowDesk) -> None:
    """ALL-06: a doubt that lasts is the sweep's to settle"""
    desk.start()
    who, _ = desk.untouched()
    done(desk)
    desk.edit(who, first_name="Zelda")
    desk.fault("lost_request", "mailchimp", "*/members/*", method="PATCH", times=500)
    with closing(warm(desk)) as one:
        named = [person(who)]
        for _ in range(MOST_AGAIN):
            named = list(one.window(named).again)
            assert named == [person(who)]
        assert list(one.window(named).again) == []
