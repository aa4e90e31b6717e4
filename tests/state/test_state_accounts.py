"""Budgets, consent, connections, names: what is kept of an account and its people."""

import stat
from dataclasses import replace
from datetime import timedelta

import pytest

from state import connections, consent, keep, pins
from state.budgets import Budget
from state.consent import Seen
from state.errors import BudgetExhausted, NotAllowed

KEY = b"k" * 32


@pytest.fixture
def budget(state, clock):
    def opened(day=1000, burst=(80, 2.0)):
        return Budget(state, "acme", day_allowance=day, burst=burst, share=0.5, sleep=clock.advance)

    return opened


def test_the_share_of_the_day_is_never_exceeded_by_two_processes_together(budget):
    one, two = budget(), budget()
    one.spend(300, "read")
    with pytest.raises(BudgetExhausted) as caught:
        two.spend(300, "read")
    assert (caught.value.allowance, caught.value.resets_at.isoformat()) == (
        500,
        "2026-11-03T00:00:00+00:00",
    )
    one.close()
    two.spend(200, "write")
    assert (one.spent, two.spent, two.left_today) == (300, 200, 0)
    assert two.by_kind == {"write": 1}


def test_the_next_day_has_its_own_allowance(budget, clock):
    meter = budget()
    meter.spend(500, "read")
    clock.advance(86_400)
    meter.spend(500, "read")
    assert meter.spent == 1000


def test_a_full_window_is_waited_for_and_shared(budget, clock):
    one, two = budget(burst=(8, 2.0)), budget(burst=(8, 2.0))
    start = clock.at
    for _ in range(4):
        one.spend(1, "read")
    assert clock.at == start
    two.spend(1, "read")
    assert clock.at == start + timedelta(seconds=2)


def test_who_leaves_room_takes_no_more_than_the_rest_of_a_window(budget, clock):
    """ALL-07: what is in a hurry finds slots at once, and nobody takes more than the share"""
    patient, hurried = budget(burst=(16, 2.0)), budget(burst=(16, 2.0))
    patient.leave_room(0.5)
    start = clock.at
    for _ in range(4):
        patient.spend(1, "read")
    for _ in range(4):
        hurried.spend(1, "read")
    assert clock.at == start
    patient.spend(1, "read")
    assert clock.at == start + timedelta(seconds=2)


def test_what_one_process_was_told_keeps_all_away(budget, clock):
    one, two = budget(), budget()
    start = clock.at
    one.blocked(30, "HTTP 429")
    two.spend(1, "read")
    assert clock.at >= start + timedelta(seconds=30)


def test_a_weaker_kind_never_replaces_a_stronger_one(state):
    for kind in ("bounced", "removed", "unsubscribed"):
        consent.record(state, "acme", [Seen("Ann@x.lv ", kind, kind)], key=KEY, home=None)
    (entry,) = consent.in_force(state, "acme", ["ann@x.lv"], key=KEY)
    assert entry.kind == "removed"


def test_only_an_own_act_lifts_and_nothing_lifts_forgotten(state):
    seen = [Seen("ann@x.lv", "unsubscribed", "list"), Seen("bob@x.lv", "forgotten", "command")]
    consent.record(state, "acme", seen, key=KEY, home=None)
    both = ["ann@x.lv", "bob@x.lv"]
    lift = {"key": KEY, "evidence": "form", "home": None}
    assert consent.lift(state, "acme", both, **lift, settled_by=state.now()) == 1
    assert [entry.address for entry in consent.in_force(state, "acme", both, key=KEY)] == [
        "bob@x.lv"
    ]
    consent.record(state, "acme", seen, key=KEY, home=None)
    assert len(consent.in_force(state, "acme", both, key=KEY)) == 2


def test_consent_outlives_the_database_and_names_nobody(state, tmp_path):
    key = consent.read_key(tmp_path)
    assert stat.S_IMODE((tmp_path / "consent.key").stat().st_mode) == 0o600
    assert consent.read_key(tmp_path) == key
    for _ in range(2):
        seen = [Seen("ann@x.lv", "unsubscribed", "list")]
        consent.record(state, "acme", seen, key=key, home=tmp_path)
    (line,) = keep.read(tmp_path)
    assert line["address_hash"] == consent.address_hash(key, "ANN@x.lv")
    assert b"ann" not in keep.keep_path(tmp_path).read_bytes()


def test_a_line_cut_by_a_power_failure_spoils_only_itself(tmp_path):
    keep.append(tmp_path, "settled", [{"key": "a"}])
    with keep.keep_path(tmp_path).open("ab") as file:
        file.write(b'{"subject": "settl')
    keep.append(tmp_path, "settled", [{"key": "b"}])
    assert [line["key"] for line in keep.read(tmp_path)] == ["a", "b"]


def test_a_pin_is_found_again_and_replaced_by_a_newer_one(state):
    first = pins.Pin("acme", "filter", "Customers", "7", "Customers", None)
    pins.put(state, first)
    assert pins.find(state, "acme", "filter", "Customers") == first
    pins.put(state, first._replace(remote_id="9"))
    assert [row["remote_id"] for row in pins.read(state, "acme").to_pylist()] == ["9"]
    assert pins.find(state, "other", "filter", "Customers") is None


def test_a_token_of_another_company_is_refused(state):
    connections.introduce(state, "acme", "pipedrive", company="7")
    with pytest.raises(NotAllowed, match="company 8"):
        connections.introduce(state, "acme", "pipedrive", company="8")


def test_horizons_are_measured_in_the_vendors_time(state):
    connections.introduce(state, "acme", "pipedrive")
    connections.learn_clock(state, "acme", state.now() + timedelta(seconds=90))
    assert connections.vendor_now(state, "acme") == state.now() + timedelta(seconds=90)


def test_a_bar_that_a_webhook_dated_anew_is_not_lifted_by_an_older_reading(state, clock, tmp_path):
    """ALL-08: read as subscribed, left by a webhook, and only then does the sweep come to lift."""
    lift = {"key": KEY, "evidence": "subscribed again", "home": tmp_path}
    left = {"key": KEY, "home": tmp_path}
    consent.record(state, "acme", [Seen("ann@x.lv", "unsubscribed", "list")], **left)
    clock.advance(3600)
    read_at = state.now()
    clock.advance(60)
    assert consent.left_again(state, "acme", ["ann@x.lv"], **left) == 1

    assert consent.lift(state, "acme", ["ann@x.lv"], **lift, settled_by=read_at) == 0

    assert [one.kind for one in consent.in_force(state, "acme", ["ann@x.lv"], key=KEY)]
    assert "lifted" not in (tmp_path / "keep.jsonl").read_text()


def test_a_bar_lifted_between_a_webhooks_look_and_its_word_stands_again(state, clock, tmp_path):
    """ALL-08, ALL-14: and the keep file knows."""
    lift = {"key": KEY, "evidence": "subscribed again", "home": tmp_path}
    left = {"key": KEY, "home": tmp_path}
    consent.record(state, "acme", [Seen("ann@x.lv", "unsubscribed", "list")], **left)
    assert consent.lift(state, "acme", ["ann@x.lv"], **lift, settled_by=state.now()) == 1

    assert consent.left_again(state, "acme", ["ann@x.lv"], **left) == 1

    (stands,) = consent.in_force(state, "acme", ["ann@x.lv"], key=KEY)
    assert stands.kind == "unsubscribed"
    last = (tmp_path / "keep.jsonl").read_text().splitlines()[-1]
    assert '"left again"' in last


def test_another_homes_key_is_refused_before_anybody_is_taken_for_new(state, tmp_path):
    """ALL-08: of several workers each has the key of the first, or none works."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    key = consent.key_for(state, "acme", ours)
    consent.record(state, "acme", [Seen("ann@x.lv", "unsubscribed", "list")], key=key, home=None)
    assert consent.key_for(state, "acme", ours) == key

    with pytest.raises(NotAllowed, match="another consent"):
        consent.key_for(state, "acme", theirs)

    (theirs / "consent.key").write_bytes((ours / "consent.key").read_bytes())
    assert consent.key_for(state, "acme", theirs) == key


def test_a_window_is_never_set_back_by_a_slower_clock(state, clock):
    """Each time it was, the vendor's whole burst was granted again."""
    slow = replace(state, now=lambda: clock() - timedelta(seconds=4))
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        clock.advance(seconds)

    ahead, behind = (
        Budget(one, "crm", day_allowance=10_000, burst=(8, 2.0), share=1.0, sleep=sleep)
        for one in (state, slow)
    )
    for _ in range(8):
        ahead.spend(1, "read")
    assert waits == []
    behind.spend(1, "read")
    assert sum(waits) > 3.9


def test_a_window_of_a_clock_that_was_wrong_by_an_hour_is_not_waited_for(state, clock):
    """A clock set back must not stop every sync of the account for as long."""
    wrong = replace(state, now=lambda: clock() + timedelta(hours=1))
    waits = []
    for one in (wrong, state):
        budget = Budget(
            one, "crm", day_allowance=10_000, burst=(8, 2.0), share=1.0, sleep=waits.append
        )
        budget.spend(1, "read")
    assert waits == []
