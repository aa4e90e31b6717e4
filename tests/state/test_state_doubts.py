"""What on-call sees of the ledger, and what a person's word changes."""

import pytest
from state_rows import HORIZON, member, note

from state import deeds, doubts, identity, keep, ledger, settings
from state.errors import LeaseLost, NotAllowed, TooEarly
from state.identity import Changes
from state.lease import acquire, release
from state.schema import links, runs


def sent(lease, *rows, said="connection reset"):
    """Deeds that were sealed, claimed and never answered."""
    ledger.seal(lease, deeds=rows)
    keys = [row.write_key for row in rows]
    assert deeds.claim(lease, keys, lease.state.now()) == set(keys)
    deeds.unknown(lease, [(key, said) for key in keys])


def sent_setting(lease, setting, *, is_told=True):
    """A setting that was sealed, claimed and never answered."""
    ledger.seal(lease, settings=[setting])
    at, horizon = lease.state.now(), HORIZON
    (window,) = settings.planned(lease, "acme", at=at, horizon=horizon)
    assert settings.claim(lease, window, at, horizon)
    if is_told:
        settings.unknown(lease, [(setting.key, "timed out")])


def on_call(lease):
    """The lease for the moment of a change, as the command takes it."""
    release(lease)
    return acquire(lease.state, lease.sync, run_id=f"settle-{lease.fence + 1}")


def the_doubt(state):
    (found,) = doubts.find(state, ["acme"])
    return found


def kept(tmp_path):
    return [line for line in keep.read(tmp_path) if line["subject"] == "settled"]


def test_a_doubt_shows_what_it_is_and_never_its_body_or_an_address(lease, state, clock):
    sent(lease, note("n1", subject="c1", body={"text": "secret"}), said="ann@x.lv: reset")
    ledger.seal(lease, deeds=[note("n2", subject="c1"), note("n3", subject="c2")])
    doubt = the_doubt(state)
    assert (doubt.key, doubt.kind, doubt.state, doubt.attempt) == ("n1", "deed", "unknown", 1)
    assert (doubt.account, doubt.operation, doubt.subject) == ("acme", "note", "c1")
    assert (doubt.since, doubt.run_id, doubt.held_up) == (clock.at, "run-1", 1)
    assert doubt.said == "(address): reset"
    assert "secret" not in repr(doubt)


def test_doubts_of_several_syncs_come_oldest_first(state, lease, clock):
    other = acquire(state, "other", run_id="run-9")
    sent(other, note("young"))
    clock.advance(-30)
    sent(lease, note("old"))
    assert doubts.known_syncs(state) == ["acme", "other"]
    assert [d.key for d in doubts.find(state, doubts.known_syncs(state))] == ["old", "young"]
    assert doubts.count(state) == {"acme": 1, "other": 1}


def test_what_a_holder_is_sending_is_on_its_way_and_a_doubt_once_it_is_gone(lease, state, clock):
    ledger.seal(lease, deeds=[note("n1")])
    deeds.claim(lease, ["n1"], state.now())
    assert doubts.find(state, ["acme"]) == []
    (way,) = doubts.on_their_way(state, ["acme"])
    assert (way.sync, way.run_id, way.writes) == ("acme", "run-1", 1)
    clock.advance(61)
    assert doubts.on_their_way(state, ["acme"]) == []
    assert the_doubt(state).state == "sending"


def test_what_a_released_run_left_sending_is_in_doubt_at_once(lease, state):
    ledger.seal(lease, deeds=[note("n1")])
    deeds.claim(lease, ["n1"], state.now())
    release(lease)
    assert the_doubt(state).key == "n1"


def test_a_deed_that_happened_is_done_with_its_link_and_kept(lease, state, tmp_path):
    identity.remember(lease, "acme", Changes(contacts=[("c1", "7", "ann@x.lv")]))
    sent(lease, note("n1", subject="c1"))
    doubt, now = the_doubt(state), on_call(lease)
    doubts.settle(now, doubt, "happened", by="ann", home=tmp_path, remote_id="55")
    deed = deeds.by_key(state, "n1")
    assert (deed.state, deed.remote_id, deed.is_adopted) == ("done", "55", True)
    assert deed.said == "settled by ann: happened"
    with state.read() as db:
        assert db.execute(links.select().where(links.c.remote_id == "55")).one().contact_id == "c1"
        run = db.execute(runs.select().where(runs.c.run_id == now.run_id)).one()
    assert (run.outcome, run.exit_code) == ("settled", 0)
    (line,) = kept(tmp_path)
    assert (line["write_key"], line["verdict"], line["by"], line["remote_id"]) == (
        "n1", "happened", "ann", "55",
    )  # fmt: skip


def test_a_deed_to_send_again_is_due_at_once_under_its_key(lease, state, tmp_path):
    sent(lease, note("n1"))
    doubt, now = the_doubt(state), on_call(lease)
    with pytest.raises(TooEarly):
        deeds.absent(now, "n1", at=state.now(), horizon=HORIZON)
    doubts.settle(now, doubt, "send again", by="ann", home=tmp_path)
    assert deeds.claim(now, ["n1"], state.now()) == {"n1"}
    assert deeds.by_key(state, "n1").attempt == 2


@pytest.mark.parametrize("verdict", ["happened", "send again"])
def test_only_what_is_in_doubt_can_be_settled(lease, state, tmp_path, verdict):
    sent(lease, note("n1"))
    doubt, now = the_doubt(state), on_call(lease)
    deeds.found(now, [("n1", "7")])
    with pytest.raises(NotAllowed, match="n1 is done"):
        doubts.settle(now, doubt, verdict, by="ann", home=tmp_path)
    assert kept(tmp_path) == []


def test_a_word_under_a_lost_lease_changes_nothing_and_is_not_kept(lease, state, clock, tmp_path):
    sent(lease, note("n1"))
    doubt, now = the_doubt(state), on_call(lease)
    clock.advance(61)
    acquire(state, "acme", run_id="run-9")
    with pytest.raises(LeaseLost):
        doubts.settle(now, doubt, "happened", by="ann", home=tmp_path)
    assert (the_doubt(state).state, kept(tmp_path)) == ("unknown", [])


def test_the_word_is_in_the_keep_file_before_the_row_has_moved(lease, state, tmp_path):
    sent(lease, note("n1"))
    doubt, now = the_doubt(state), on_call(lease)
    (tmp_path / "keep.jsonl").mkdir()  # cannot be written
    with pytest.raises(IsADirectoryError):
        doubts.settle(now, doubt, "happened", by="ann", home=tmp_path)
    assert the_doubt(state).state == "unknown"


def test_one_thing_at_the_vendor_cannot_be_what_two_deeds_made(lease, state, tmp_path):
    sent(lease, note("n1"), note("n2", subject="c2"))
    deeds_in_doubt, now = doubts.find(state, ["acme"]), on_call(lease)
    first, second = deeds_in_doubt
    doubts.settle(now, first, "happened", by="ann", home=tmp_path, remote_id="7")
    with pytest.raises(NotAllowed, match="note 7 is what n1 made"):
        doubts.settle(on_call(now), second, "happened", by="ann", home=tmp_path, remote_id="7")


def test_set_up_that_happened_needs_the_id_later_writes_go_to(lease, state, tmp_path):
    sent(lease, deeds.Deed("setup|list", "acme", "create_list", "list", "", {}))
    doubt, now = the_doubt(state), on_call(lease)
    with pytest.raises(NotAllowed, match="--id"):
        doubts.settle(now, doubt, "happened", by="ann", home=tmp_path)
    doubts.settle(now, doubt, "happened", by="ann", home=tmp_path, remote_id="42")
    assert deeds.by_key(state, "setup|list").remote_id == "42"


def test_a_setting_that_happened_is_acknowledged_as_sent(lease, state, tmp_path):
    setting = member("c1")
    sent_setting(lease, setting)
    doubt, now = the_doubt(state), on_call(lease)
    assert doubt.key == "member|acme|fields|c1"
    doubts.settle(now, doubt, "happened", by="ann", home=tmp_path)
    after = settings.by_key(state, setting.key)
    assert (after.state, after.acknowledged) == ("done", {"PHONE": "1"})
    assert after.acknowledged_hash == after.desired_hash


@pytest.mark.parametrize("is_told", [True, False], ids=["no answer", "killed while sending"])
def test_a_setting_to_send_again_lets_no_other_body_pass_before_the_horizon(
    lease, state, tmp_path, is_told
):
    setting = member("c1")
    sent_setting(lease, setting, is_told=is_told)
    settling = on_call(lease)
    doubts.settle(settling, the_doubt(state), "send again", by="ann", home=tmp_path)
    now = on_call(settling)
    ledger.seal(now, settings=[member("c1", "2")])
    assert list(settings.planned(now, "acme", at=state.now(), horizon=HORIZON)) == []
    ledger.seal(now, settings=[setting])
    assert list(settings.planned(now, "acme", at=state.now(), horizon=HORIZON)) != []


def test_a_replaced_setting_cannot_be_said_to_have_happened(lease, state, tmp_path):
    sent_setting(lease, member("c1"))
    now = on_call(lease)
    ledger.seal(now, settings=[member("c1", "2")])
    doubt = the_doubt(state)
    assert doubt.is_replaced
    with pytest.raises(NotAllowed, match="what was sent is not kept"):
        doubts.settle(now, doubt, "happened", by="ann", home=tmp_path)
    doubts.settle(now, doubt, "send again", by="ann", home=tmp_path)
    assert settings.by_key(state, member("c1").key).state == "planned"


def test_refused_writes_are_due_at_once_with_all_their_tries(lease, state):
    ledger.seal(lease, deeds=[note("n1", bot="warm"), note("n2")], settings=[member("c1")])
    deeds.claim(lease, ["n1", "n2"], state.now())
    deeds.refused(lease, [("n1", "no: ann@x.lv"), ("n2", "no")])
    (window,) = settings.planned(lease, "acme", at=state.now(), horizon=HORIZON)
    settings.claim(lease, window, state.now(), HORIZON)
    settings.refused(lease, [(window[0].key, "bad value")])
    deeds.withdraw(lease, ["warm"], why="paused")

    now = on_call(lease)
    rows = doubts.refused(state, "acme")
    assert [(r.key, r.kind, r.tries) for r in rows] == [
        ("n2", "deed", 1), ("member|acme|fields|c1", "setting", 1),
    ]  # fmt: skip
    assert doubts.retry(now, rows) == 2
    assert doubts.retry(now, []) == 0
    assert [d.tries for d in doubts.refused(state, "acme")] == [0, 0]
    assert deeds.claim(now, ["n1", "n2"], state.now()) == {"n2"}
    ledger.seal(now, settings=[member("c1")])
    assert len(list(settings.planned(now, "acme", at=state.now(), horizon=HORIZON))) == 1


def test_a_write_is_found_by_key_reference_or_its_name_in_the_history(lease, state):
    odd = member("c1", aspect="acme/my | list")
    ledger.seal(lease, deeds=[note("n1")], settings=[odd])
    for name in ("n1", deeds.marker_of("n1")):
        assert doubts.named(state, "acme", name).key == "n1"
    setting = doubts.named(state, "acme", "subscriber|acme|acme/my | list|c1")
    assert setting.key == "member|acme|acme/my | list|c1"
    assert doubts.named(state, "acme", "n7") is None
    assert doubts.named(state, "other", "n1") is None


def test_a_setting_whose_aspect_holds_a_bar_is_settled_all_the_same(lease, state, tmp_path):
    odd = member("c1", aspect="acme/my | list")
    sent_setting(lease, odd)
    doubts.settle(on_call(lease), the_doubt(state), "happened", by="ann", home=tmp_path)
    assert settings.by_key(state, odd.key).state == "done"
