"""What a run costs to read, by `check` and by the runs themselves, held against our share."""

from typing import Any

from pipelines.accounts import allowances
from pipelines.mailigen_pipedrive.check import check_sync
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.price import fit_of, price_of
from pipelines.report import CheckReport, Finding
from pipelines.timetable import Fit
from state import schedules
from tests.pipelines.mailigen_pipedrive.desk import QUIET, Desk

CRON = {"schedule": {"cron": "*/15 * * * *", "timezone": "Europe/Riga"}}


def check(desk: Desk) -> CheckReport:
    wanted = Definition.model_validate(desk.wanted)
    return check_sync(wanted, desk.connections, settings=desk.settings)


def about_schedule(report: CheckReport) -> list[Finding]:
    return [one for one in report.findings if one.thing == "schedule"]


def fitting(desk: Desk, **more: Any) -> Fit:
    wanted = Definition.model_validate(desk.wanted | more)
    with desk.state() as state:
        return fit_of(state, wanted, allowances(desk.connections, wanted))


def price(desk: Desk) -> dict[str, float]:
    with desk.state() as state:
        known = price_of(state, Definition.model_validate(desk.wanted))
    assert known is not None
    return known.by_account


def share_of_runs(desk: Desk, runs: float) -> None:
    """Let our share of Pipedrive's day be what so many runs cost."""
    share = (price(desk)["crm"] * runs + 1) / 30_000
    desk.facts = {"crm": {"plan": "lite", "seats": 1, "quota_share": share}}


def test_check_stretches_what_costs_more_than_the_share_and_says_so(fresh: Desk) -> None:
    """ALL-05: and no more once the share is larger, without anybody being asked again"""
    fresh.start(QUIET)
    assert about_schedule(check(fresh)) == []

    share_of_runs(fresh, 50)
    report = check(fresh)

    (said,) = about_schedule(report)
    assert (said.level, report.stretched_to, report.is_sound) == ("warn", "30m", True)
    assert said.sentence.startswith("every 30m instead of 15m: a run reads for ")
    assert "raise quota_share" in said.remedy
    assert fitting(fresh).said == said.sentence
    assert fitting(fresh, schedule={"every": "1h"}).said == ""
    fresh.facts = {}
    assert fitting(fresh).said == ""


def test_check_refuses_what_no_interval_makes_cheap_enough_and_a_dear_cron_line(
    fresh: Desk,
) -> None:
    """ALL-05: each with the remedy"""
    fresh.start(QUIET)
    check(fresh)
    share_of_runs(fresh, 50)
    fresh.wanted |= CRON
    (said,) = about_schedule(check(fresh))
    assert said.level == "error"
    assert "write `every: 30m` in place of the cron line" in said.remedy

    share_of_runs(fresh, 0.5)
    assert fitting(fresh).schedule is None
    assert fitting(fresh).said.startswith("no interval fits")


def test_a_run_notes_what_its_reading_really_cost_and_not_its_writes(fresh: Desk) -> None:
    """ALL-05: the first run reads everything, and does not count"""
    fresh.start(QUIET)
    check(fresh)
    guessed = price(fresh)
    first = fresh.settle()
    assert price(fresh) == guessed
    fresh.run(full=True)
    assert price(fresh) == guessed

    second = fresh.run()
    read = {one.account: float(one.tokens) for one in second.cost}
    assert price(fresh) == read
    assert read["crm"] <= first.cost[0].tokens

    check(fresh)
    assert price(fresh) == read  # a check reads less than a run, and its word is worth less
    person, _ = fresh.person(on_list=True)
    fresh.edit(person, phones=[{"value": "+37120000001", "primary": True, "label": "work"}])
    changed = fresh.run()
    assert changed.counts["planned_members_update"] == 1
    (paid,) = [one.tokens for one in changed.cost if one.account == "engagement"]
    assert price(fresh)["engagement"] == (read["engagement"] + paid - 1) / 2


def test_a_run_that_finds_its_schedule_too_dear_says_so_until_it_is_deployed(fresh: Desk) -> None:
    """ALL-05"""
    fresh.start(QUIET)
    fresh.settle()
    fresh.run()
    # Half of it is ours: fifty runs a day.
    fresh.facts = {"engagement": {"calls_per_day": int(price(fresh)["engagement"] * 101)}}
    with fresh.state() as state:
        schedules.note_deployed(state, "acme", {"every": "15m", "cron": None, "timezone": None})
    (said,) = [one for one in fresh.run().findings if one.thing == "schedule"]
    assert said.sentence.startswith("every 30m instead of 15m")
    assert "calls of engagement" in said.sentence

    with fresh.state() as state:
        schedules.note_deployed(state, "acme", {"every": "30m", "cron": None, "timezone": None})
    assert [one for one in fresh.run().findings if one.thing == "schedule"] == []


def test_another_selection_has_another_price(fresh: Desk) -> None:
    """ALL-05: what the last runs cost says nothing of it"""
    fresh.start(QUIET)
    fresh.settle()
    fresh.run()
    share_of_runs(fresh, 50)
    assert fitting(fresh).said
    assert fitting(fresh, fields={"person": ["phone"]}).said == ""
    assert fitting(fresh, alert={"webhook": "OPS"}).said
