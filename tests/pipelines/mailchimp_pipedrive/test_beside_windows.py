"""Sweeps beside windows: what they leave to them, and what they need not do again."""

from contextlib import closing
from typing import Any

import pytest

from connectors.pipedrive import Pipedrive
from pipelines.mailchimp_pipedrive.config import Definition
from pipelines.mailchimp_pipedrive.warm import Warm
from state import lease
from state.budgets import Budget
from state.doors import listener_name
from tests.pipelines.mailchimp_pipedrive.flow_desk import NEW, STAGE, FlowDesk
from tests.pipelines.mailchimp_pipedrive.test_flows import done
from tests.pipelines.mailchimp_pipedrive.test_window import warm, window
from tests.pipelines.mailigen_pipedrive.desk import CrashedError


def histories_read(desk: FlowDesk) -> int:
    return sum("changelog" in line["path"] for line in desk.journal())


def test_a_deal_that_a_window_read_is_read_again_by_a_sweep_only_once_it_moved(
    desk: FlowDesk,
) -> None:
    """MC-14, ALL-07: each reading of a history costs tokens"""
    desk.start(STAGE)
    who, email = desk.untouched()
    deal = desk.deal(who, "Lead In")
    done(desk)
    desk.control("clock", advance_s=60)
    desk.move(deal, "Qualified")
    window(desk, ("deal", str(deal)))
    assert desk.member(email) is not None
    desk.journal()
    done(desk)
    assert histories_read(desk) == 0
    desk.control("clock", advance_s=60)
    desk.edit(who, first_name="Zelda")
    desk.move(deal, "Lead In")
    desk.move(deal, "Qualified")
    done(desk)
    assert histories_read(desk) == 1
    assert desk.merges(email)["FNAME"] == "Zelda"


def test_a_window_that_knows_not_every_flow_leaves_the_deal_to_the_sweep(desk: FlowDesk) -> None:
    """MC-14: what it read was for the flows that were under way by then"""
    other = STAGE | {"id": "late", "trigger": {"pipeline": "Sales", "stage": "Lead In"}}
    desk.start(STAGE, other | {"active": False})
    who, _ = desk.untouched()
    deal = desk.deal(who, "Qualified")
    done(desk)
    desk.change("late", active=True)
    done(desk)
    desk.control("clock", advance_s=60)
    desk.move(deal, "Lead In")
    lost = Warm(
        Definition.model_validate(desk.wanted | {"flows": [STAGE, other | {"active": False}]}),
        desk.connections, desk.settings, desk.around,
    )  # fmt: skip
    with closing(lost) as one:
        one.window([("deal", str(deal))])
    desk.journal()
    done(desk)
    assert histories_read(desk) == 1


def test_who_is_renamed_and_moved_while_a_sweep_reads_comes_across_by_the_new_name(
    desk: FlowDesk,
) -> None:
    """MC-14: a passage is not dealt with by what was read before it"""
    desk.start(STAGE)
    who, email = desk.untouched()
    deal = desk.deal(who, "Lead In")
    done(desk)
    desk.control("clock", advance_s=60)
    desk.move(deal, "Qualified")
    done(desk)
    desk.control("clock", advance_s=60)

    def step(name: str, work: Any, *rest: Any) -> Any:
        found = work(*rest)
        if name == "Extract persons":
            desk.edit(who, first_name="Zelda")
            desk.move(deal, "Lead In")
            desk.move(deal, "Qualified")
        return found

    desk.run(step=step)
    done(desk)
    assert desk.merges(email)["FNAME"] == "Zelda"


def test_a_sweep_leaves_half_the_pace_to_windows_while_somebody_listens(
    desk: FlowDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ALL-07, ALL-12"""
    left: list[float] = []
    monkeypatch.setattr(Budget, "leave_room", lambda _, part: left.append(part))
    desk.start()
    done(desk)
    assert left == []
    with (
        desk.state() as state,
        lease.keeping(lease.acquire(state, listener_name("acme"), run_id="listening")),
    ):
        done(desk)
    assert left == [0.5, 0.5]


def test_a_sweep_says_that_a_dead_window_left_a_write_in_doubt(desk: FlowDesk, monkeypatch) -> None:
    """ALL-06: a person whose making nobody can tell yet is not in step."""
    desk.start(NEW)
    done(desk)
    desk.act("add", "una@new.example", fields={"FNAME": "Una", "LNAME": "Upp"})

    def dies(*_: Any) -> Any:
        raise CrashedError("before the request left")

    with monkeypatch.context() as patch:
        patch.setattr(Pipedrive, "add_person", dies)
        with closing(warm(desk)) as one, pytest.raises(CrashedError):
            one.window([("member", desk.audience, "una@new.example")])
    told = desk.run()
    assert (told.outcome, told.said) == (
        "open", "Finished with 0 refused, 1 doubtful and 0 waiting records.",
    )  # fmt: skip
    assert desk.persons_with("una@new.example") == []
    desk.control("clock", advance_s=2 * desk.horizon)
    desk.run()
    done(desk)
    assert len(desk.persons_with("una@new.example")) == 1
