"""Doubts of people, who show no reference of ours, and what real-time windows left behind."""

import json
from dataclasses import replace

from state_rows import note

from state import deeds, keep, lease, ledger
from tests.deployments.night import NOTE, in_doubt, refused, told
from tests.deployments.night import held as held  # noqa: PLC0414
from tests.deployments.night import home as home  # noqa: PLC0414
from tests.deployments.night import state as state  # noqa: PLC0414


def test_a_person_in_doubt_is_looked_for_by_the_address_that_the_plan_tells(held, capsys):
    """ALL-13: a person shows no reference of ours, and no address leaves the state"""
    key = "person|acme|news|c1"
    ledger.seal(held, deeds=[replace(note(key, subject="c1"), object="audience_person")])
    deeds.claim(held, [key], held.state.now())
    deeds.unknown(held, [(key, "timed out")])
    to_do = json.loads(told(capsys, "doubts", "--json")[1])[0]["to_do"]
    assert "look in acme for the address that this tells" in to_do
    assert f"select email from plan.persons where write_key = '{key}'" in to_do


def test_what_a_window_left_is_the_syncs_own(state, held, home, capsys):
    """ALL-10, ALL-13: real-time windows write beside the sweeps, under a lease of their own"""
    window = lease.acquire(state, "news:window", run_id="window-1")
    in_doubt(window)
    (_, shown), (_, whole) = (told(capsys, "doubts", *one) for one in (("news", "--json"), ()))
    assert {one["sync"] for one in json.loads(shown)} == {"news"}
    assert "syncline run news;" in whole
    assert "news:window" not in whole
    lease.release(held)
    reference = deeds.marker_of(NOTE)
    code, said = told(capsys, "settle", reference, "--happened", "--id", "7")
    assert (code, said) == (0, f"{NOTE} is done, as note 7\n")
    (word,) = keep.words(home, "news")[NOTE]
    assert word["verdict"] == "happened"


def test_what_a_window_was_refused_can_be_sent_again(state, held, capsys):
    """ALL-10"""
    lease.release(held)
    refused(lease.acquire(state, "news:window", run_id="window-1"), "n1", "n2")
    code, said = told(capsys, "retry", "news", "n1")
    assert code == 0
    assert "1 refused record of news due now" in said
