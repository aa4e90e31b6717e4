"""The laboratory itself: quiet on the product, loud on a product that lacks a protection."""

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from pipelines.mailigen_pipedrive import seal
from sandbox.vendor import Request
from tests.lab.level_b import judge, log
from tests.lab.level_b.acts import LIST_KEY
from tests.lab.level_b.judge import Cause, Ending, Known
from tests.lab.level_b.judge import judge as weigh
from tests.lab.level_b.lab import HORIZON
from tests.lab.level_b.log import Entry
from tests.lab.level_b.play import Play
from tests.lab.level_b.series import first_red, lab, run_one, run_series
from tests.lab.level_b.story import BATCH, Act, Fault, Habits, Regime, Run, Wait, draw
from tests.lab.level_b.switches import SWITCHES, Switch

ENGINE = ("state", "pipelines", "connectors", "transforms")
OPENED = "<p>Opened the e-mail “news” (2026-11-02)</p>"
BOUNCED = "<p>The e-mail “news” bounced (2026-11-02)</p>"


@pytest.mark.parametrize(("regime", "count"), [("inside", 14), ("frozen", 4)])
def test_nothing_is_doubled_lost_or_breached_inside_the_bounds(regime: Regime, count: int) -> None:
    tally = run_series(range(1, 1 + count), regime)
    assert tally.red == []
    assert tally.effects > 0


def test_a_missing_protection_turns_the_laboratory_red() -> None:
    assert first_red("confirmed deletes", range(1, 40), "inside") is not None


def test_a_seed_plays_the_same_schedule_again() -> None:
    first, again = (run_one(12, "inside")[1] for _ in range(2))
    assert (first.log, first.told, first.boundaries) == (again.log, again.told, again.boundaries)


def test_a_value_changed_back_after_a_run_that_died_is_changed_back_on_the_list() -> None:
    """What the look-up of doubts settles is what the plan has to compare with."""
    here = lab()
    update = "before POST mailigen /1.8/listUpdateMember"
    with here.installed():
        counted = Play(here)
        counted.take(Act("rename", 2, 2))
        counted.take(Run())
        handled = counted.live.processes[0].passed.index(update) + 2

        play = Play(here)
        first_name = play.scene.people[2].name
        play.take(Act("rename", 2, 2))
        play.take(Run(dies_at=handled))
        play.scene.live.act(lambda: play.scene.edit(play.scene.people[2], first_name=first_name))
        play.scene.people[2].name = first_name
        play.take(Wait(HORIZON))
        play.take(Run(patience=None))
        assert play.end()[1].sentences == []


def test_a_switch_that_makes_the_laboratory_stumble_does_not_count_as_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_sweep: object) -> None:
        raise TypeError("a switch that was not kept up")

    monkeypatch.setitem(SWITCHES, "guard", Switch("inside", lambda _: [(seal, "_deeds", broken)]))
    with pytest.raises(RuntimeError, match="not kept up"):
        first_red("guard", range(1, 2), "inside")


def test_what_no_audit_is_asked_for_is_unreported_in_any_weather() -> None:
    here = lab()
    with here.installed():
        play = Play(here)
        play.played.errors.append("an error of ours: KeyError: 'x'")
        play.played.unrest.append("not at rest")
        played, verdict = play.end()
    assert verdict.sentences == []
    assert played.unreported == ["not at rest", "an error of ours: KeyError: 'x'"]


def test_who_was_taken_off_while_our_request_was_in_doubt_is_unseen() -> None:
    """The run dies when the vendor has taken the batch; nobody of ours was ever told."""
    _, _, verdict = run_one(14_687, "inside")
    assert (verdict.sentences, len(verdict.unseen)) == ([], 1)


def test_a_list_that_lags_shows_what_was_written_before_and_nothing_is_written_twice() -> None:
    here = lab()
    with here.installed():
        play = Play(here)
        with play.live.showing(Habits(lag_s=60)):
            opened = Act("open", 1, 1)
            for step in (Act("add", 0, 1), opened, Wait(90.0), Run(), Wait(10.0)):
                play.take(step)
            lists = play.live.stage.vendors["mailigen"]
            added = play.scene.people[-1].address
            assert play.scene.status(added) == "subscribed"
            assert added not in _listed(lists, play)
            play.take(Run())
            play.come_to_rest(also_once_more=True)
            played, verdict = play.end()
    assert (verdict.sentences, played.objections) == ([], [])


def test_small_pages_are_walked_to_their_end() -> None:
    here = lab()
    with here.installed():
        play = Play(here)
        with play.live.showing(Habits(page=3)):
            play.take(Run())
        walked = play.live.processes[0].passed
    assert walked.count("before POST mailigen /1.8/listMembers") > 4, "more than one a status"
    assert walked.count("before GET pipedrive /api/v2/persons") > 1


@pytest.mark.parametrize(
    ("habits", "faults"),
    [
        (Habits(), (Fault("break_off", *BATCH, 0, 0.0, rows=1),)),  # the answer is lost
        (Habits(form_fields=14), ()),  # two rows are taken, and two are told of
    ],
)
def test_a_batch_of_which_some_rows_were_taken_ends_with_everybody_once(
    habits: Habits, faults: tuple[Fault, ...]
) -> None:
    here = lab()
    with here.installed():
        play = Play(here)
        with play.live.showing(habits):
            for number in (1, 2, 3):
                play.take(Act("add", 0, number))
            play.take(Run(faults=faults, patience=0.0))
            play.come_to_rest(also_once_more=True)
            played, verdict = play.end()
    added = {person.address for person in play.scene.people[-3:]}
    made = [e for e in played.log if e.object == "members" and e.subject in added]
    assert sorted(e.subject for e in made) == sorted(added), "each once"
    assert len({e.at for e in made}) > 1, "not by one request"
    assert (verdict.sentences, played.objections) == ([], [])


def test_a_row_the_vendor_refuses_keeps_none_of_the_others_back() -> None:
    here = lab()
    with here.installed():
        play = Play(here)
        for step in (*(Act("add", 0, n) for n in (1, 2, 3)), Act("suppress", 0, 2), Run()):
            play.take(step)
        added = [person.address for person in play.scene.people[-3:]]
        assert [play.scene.status(email) for email in added] == ["subscribed", "", "subscribed"]
        play.come_to_rest(also_once_more=False)
        assert play.end()[1].sentences == []
        assert {play.scene.status(email) for email in added} == {"subscribed"}


def test_a_story_is_drawn_from_its_number_alone() -> None:
    assert draw(5, "beyond") == draw(5, "beyond") != draw(6, "beyond")


def test_the_judge_tells_doubled_lost_resubscribed_and_uncaused() -> None:
    ann = Known(1, "Ann", ("ann@acme.example",), (), True, True, True, False, "Gold")
    opened = Cause("open", "news", "ann@acme.example", 1)
    once = [_deed("notes", OPENED), _deed("activities", "Call")]
    assert weigh(_ending(once, [ann], [opened])).sentences == []
    assert weigh(_ending([*once, once[1]], [ann], [opened])).duplicates == (
        "person 1 has 2 activities for one cause",
    )
    assert weigh(_ending(once[:1], [ann], [opened])).lost == ("person 1 has 0 of 1 activities",)
    assert len(weigh(_ending(once, [ann], [])).wrong) == 2
    left = [_member("user", "update", "unsubscribed"), _member("us", "update", "subscribed")]
    assert len(weigh(_ending(left, [ann], [], left=True)).breaches) == 1


@pytest.mark.parametrize(
    ("kind", "times", "deed", "said"),
    [
        ("click", 1, ("deals", "Ann: news (1)"), "one of deals without its cause"),
        ("click", 2, ("activities", "Call"), "one of activities without its cause"),
        ("open", 1, ("notes", BOUNCED), "one of notes without its cause bounce of news"),
        ("open", 1, ("notes", OPENED.replace("news", "offer")), "its cause open of offer"),
        ("open", 1, ("notes", "<p>Hello</p>"), "one of notes without its cause <p>Hello</p>"),
    ],
)
def test_a_deed_needs_the_cause_that_its_rule_names(
    kind: str, times: int, deed: tuple[str, str], said: str
) -> None:
    ann = Known(1, "Ann", ("ann@acme.example",), (), True, True, False, False, "Gold")
    cause = Cause(kind, "news", "ann@acme.example", times)
    (wrong,) = weigh(_ending([_deed(*deed)], [ann], [cause])).wrong
    assert said in wrong


def test_a_note_about_another_mail_is_no_substitute_for_the_one_due() -> None:
    ann = Known(1, "Ann", ("ann@acme.example",), (), True, True, True, False, "Gold")
    bounced = Cause("bounce", "news", "ann@acme.example", 1)
    lost = weigh(_ending([_deed("notes", OPENED)], [ann], [bounced])).lost
    assert lost == ("person 1 has 0 of 1 notes bounce of news",)


def test_the_judge_compares_name_tier_and_source_on_the_list() -> None:
    ann = Known(1, "Ann", ("ann@acme.example",), (), True, True, True, False, "Gold")

    def lost(person: Known) -> tuple[str, ...]:
        return weigh(_ending([], [person], [])).lost

    assert lost(ann) == ()
    assert lost(replace(ann, tier="Silver")) == (
        "person 1 is on the list with TIER 'Gold', not 'Silver'",
    )
    assert lost(replace(ann, name="Anna")) == (
        "person 1 is on the list with FNAME 'Ann', not 'Anna'",
    )
    assert lost(replace(ann, name="Anna", is_edited_on_list=True)) == ()
    left_out = replace(ann, is_selected=False, is_steady=False)
    assert weigh(_ending([], [left_out], [])).lost == (
        "person 1 is on the list with a source as ann@acme.example, by nobody",
    )
    ending = _ending([], [ann], [])
    ending.members["ann@acme.example"]["merges"]["SOURCE"] = ""
    assert weigh(ending).lost == (
        "person 1 is on the list with SOURCE '', not 'Pipedrive|customers'",
    )


def test_who_was_taken_off_before_anybody_knew_is_excused_once_and_counted() -> None:
    made, gone = _member("us", "create", "subscribed"), _member("user", "delete", "subscribed")
    again = [made, gone, made]
    ann = Known(1, "Ann", ("ann@acme.example",), (), True, True, True, False)

    def weighed(entries: list[Entry], times: int) -> tuple[int, int]:
        ending = replace(_ending(entries, [ann], [], left=True), unseen={"ann@acme.example": times})
        verdict = weigh(ending)
        return len(verdict.breaches), len(verdict.unseen)

    assert weighed(again, 0) == (1, 0)
    assert weighed(again, 1) == (0, 1)
    assert weighed([*again, gone, made], 1) == (1, 1)


def test_the_judge_imports_nothing_of_the_engine() -> None:
    for module in (judge, log):
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        names = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        assert not [n for n in names if n.split(".")[0] in ENGINE]


def _listed(vendor: Any, play: Play) -> set[str]:
    """The subscribed as the vendor's own listing shows them."""
    (list_id,) = {m["list"] for m in vendor.books["members"].live() if m["merges"].get("SOURCE")}
    form = {"apikey": LIST_KEY, "id": list_id, "status": "subscribed", "limit": 100}
    query = [("output", "json"), ("method", "listMembers")]
    kind = {"content-type": "application/x-www-form-urlencoded"}
    at = play.live.stage.clock.now()
    answer = vendor.handle(Request("POST", "/1.8/", query, kind, urlencode(form).encode(), at))
    return {row["email"] for row in orjson.loads(answer.body)}


def _deed(noun: str, said: str) -> Entry:
    return Entry(1.0, "us", "create", noun, said, "1", "", said, {})


def _member(who: str, verb: str, status: str) -> Entry:
    return Entry(1.0, who, verb, "members", "m1", "ann@acme.example", status, "", {})


def _ending(
    entries: list[Entry], people: list[Known], causes: list[Cause], *, left: bool = False
) -> Ending:
    gone = frozenset(a for p in people for a in p.addresses) if left else frozenset[str]()
    merges = {"FNAME": "Ann", "SOURCE": "Pipedrive|customers", "TIER": "Gold"}
    members = {"ann@acme.example": {"status": "subscribed", "merges": merges}}
    return Ending(entries, people, causes, members, gone, gone, frozenset())
