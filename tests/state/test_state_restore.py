"""What is put back after a loss, what stands in the way, and what the keep file remembers."""

import pytest

from state import bots, consent, deeds, identity, keep, ledger, restore, runs, settings
from state.consent import Entry, Seen
from state.deeds import Deed
from state.lease import acquire, release
from state.restore import Contact, Done, Held, Who

KEY = b"k" * 32
NOTE = Done("note|crm|acme|c1|7|open", "crm", "create_note", "note", "c1", "recognised", "12")
BOT = {
    "sync": "acme", "bot_id": "customers", "state": "paused", "reason": "paused by the user",
    "paused_by": "user", "confirmed_by": "ann", "confirmed_on": "2026-11-01",
    "activated_at": "2026-11-02T08:00:00+00:00", "counting_since": 4, "pauses": [[7, None]],
    "rules": {"warm": [3, 2]},
}  # fmt: skip


def someone(contact: str = "c1", address: str | None = "ann@x.lv", **more) -> Contact:
    return Contact(contact, "71", 1, "71", address, **more)


@pytest.fixture
def adoption(state):
    held = acquire(state, "acme", run_id="adopt-1", above=41)
    runs.start(held)
    return held


def test_sweeps_go_on_above_what_is_left(adoption):
    assert adoption.sweep == 42


def test_what_is_put_back_twice_is_there_once_and_settled(state, adoption):
    who = Who([someone()], [("c1", "ann@x.lv", 0, None)], [("c1", "c0", 42)], [("71", "c1")])
    place = Held("c1", "acme/News", {"email": "ann@x.lv", "merges": {"SOURCE": "Pipedrive|b"}})

    for _ in range(2):
        restore.put_who(adoption, "crm", who)
        restore.put_members(adoption, "list", [place])
    assert [restore.put_deeds(adoption, [NOTE]) for _ in range(2)] == [1, 0]

    (note,) = deeds.read(state, "acme").to_pylist()
    assert (note["state"], note["remote_id"], note["marker"]) == (
        "done", "12", deeds.marker_of(NOTE.write_key),
    )  # fmt: skip
    (member,) = settings.read(state, "acme").to_pylist()
    assert (member["state"], member["acknowledged_hash"]) == ("done", member["desired_hash"])
    assert {row["object"] for row in identity.read_links(state, "crm").to_pylist()} == {
        "person", "note",
    }  # fmt: skip
    assert ledger.counts(adoption).waiting == 0


def test_a_restored_deed_is_not_planned_again(state, adoption):
    restore.put_deeds(adoption, [NOTE])

    again = Deed(NOTE.write_key, "crm", "create_note", "note", "c1", {"text": "again"})
    ledger.seal(adoption, deeds=[again])

    assert list(deeds.planned(state, "acme", bots=(), at=state.now())) == []


def test_a_bot_comes_back_as_kept_and_one_that_runs_is_left_alone(state, adoption):
    assert restore.put_bots(adoption, [BOT], counting_since=None) == 1
    (bot,) = bots.bots(state, "acme")
    assert (bot.state, bot.paused_by, bot.counting_since, bot.pauses) == (
        "paused", "user", 4, ((7, None),),
    )  # fmt: skip
    assert bots.effective_since(state, "acme") == {("customers", "warm"): 2}

    assert restore.put_bots(adoption, [BOT | {"state": "active"}], counting_since=42) == 0
    assert bots.bots(state, "acme") == [bot]


def test_a_baseline_of_an_adoption_that_died_is_moved(state, adoption):
    restore.put_bots(adoption, [BOT], counting_since=42)

    restore.put_bots(adoption, [BOT], counting_since=43, died={42})

    assert bots.bots(state, "acme")[0].counting_since == 43


def test_a_sync_that_worked_here_is_not_lost_and_one_that_was_refused_is(state):
    for outcome in ("failed", "done"):
        held = acquire(state, "acme", run_id=f"run-{outcome}")
        assert restore.obstacle(state, "acme") == ""
        runs.start(held)
        runs.finish(held, outcome=outcome, exit_code=0, counts={})
        release(held)
    assert "run-done" in restore.obstacle(state, "acme")
    assert restore.obstacle(state, "other") == ""


def test_planned_writes_of_a_killed_run_are_no_loss_either(state, lease):
    ledger.seal(lease, deeds=[Deed("k", "crm", "create_note", "note", "c1", {})])

    assert "planned writes" in restore.obstacle(state, "acme")


def test_how_the_last_adoption_ended_is_known(state, adoption):
    assert restore.adoption(state, "acme") == ""
    runs.finish(adoption, outcome="done", exit_code=0, counts={})
    assert restore.adoption(state, "acme") == "done"
    assert restore.adoption(state, "other") is None
    assert restore.adoption_sweeps(state, "acme") == [42]
    assert restore.obstacle(state, "acme") == ""


def test_only_contacts_with_a_story_go_into_the_keep_file(state, adoption):
    plain, moved, ended = someone(), someone("c2", "ben@x.lv"), someone("c3", merged_into="c1")
    addresses = [
        ("c1", "ann@x.lv", 0, None), ("c2", "ben@x.lv", 0, None), ("c2", "old@x.lv", 0, 9),
    ]  # fmt: skip
    restore.put_who(adoption, "crm", Who([plain, moved, ended], addresses, [("c1", "c3", 5)], []))

    told = restore.remarkable(state, "crm", (), key=KEY)
    assert [one["contact_id"] for one in told.contacts] == ["c2", "c3"]
    assert [one["until_sweep"] for one in told.addresses] == [None, 9]
    assert [one["ancestor_id"] for one in told.lineage] == ["c3"]
    assert "@" not in str(told)
    assert len(restore.remarkable(state, "crm", ["c1"], key=KEY).contacts) == 3


def test_a_kept_opt_out_replaces_a_weaker_one_and_no_stronger_one(state, adoption):
    hashes = {name: consent.address_hash(KEY, f"{name}@x.lv") for name in ("ann", "ben")}
    seen = [Seen("ann@x.lv", "unsubscribed", "list"), Seen("ben@x.lv", "forgotten", "command")]
    consent.record(state, "list", seen, key=KEY, home=None)
    at = state.now()

    consent.put_back(
        adoption,
        [
            Entry("list", hashes["ann"], "forgotten", "command", at),
            Entry("list", hashes["ben"], "bounced", "list", at),
        ],
        key=KEY,
    )

    stand = consent.in_force(state, "list", ["ann@x.lv", "ben@x.lv"], key=KEY)
    assert [one.kind for one in stand] == ["forgotten", "forgotten"]


def test_opt_outs_in_force_are_told_unless_some_may_be_by_another_key(state, tmp_path):
    assert consent.all_in_force(state, key=KEY) == []
    consent.record(state, "a", [Seen("ann@x.lv", "bounced", "list")], key=KEY, home=tmp_path)
    consent.record(state, "b", [Seen("ben@x.lv", "removed", "list")], key=KEY, home=tmp_path)
    consent.lift(
        state, "b", ["ben@x.lv"], key=KEY, evidence="form", home=tmp_path, settled_by=state.now()
    )

    (entry,) = consent.all_in_force(state, key=KEY) or ()
    assert (entry.account, entry.kind) == ("a", "bounced")
    assert consent.all_in_force(state, key=b"another") is None
    consent.record(state, "a", [Seen("eve@x.lv", "bounced", "list")], key=b"another", home=None)
    assert consent.all_in_force(state, key=KEY) is None


def test_the_key_comes_last_into_the_keep_file(tmp_path):
    bot = {"sync": "a", "bot_id": "b"}
    wanted = {"key": [{"fingerprint": "f"}], "activation": [bot]}
    keep.append_changed(tmp_path, keep.standings(tmp_path), wanted)
    assert [line["subject"] for line in keep.read(tmp_path)] == ["activation", "key"]


def test_a_standing_is_kept_again_only_when_it_changed(tmp_path):
    for state in ("new", "new", "active"):
        one = {"sync": "a", "bot_id": "b", "state": state}
        keep.append_changed(tmp_path, keep.standings(tmp_path), {"activation": [one]})

    assert [line["state"] for line in keep.read(tmp_path)] == ["new", "active"]
    assert keep.standings(tmp_path)["activation"][("a", "b")]["state"] == "active"
    assert keep.fingerprint(KEY) != keep.fingerprint(b"another")
