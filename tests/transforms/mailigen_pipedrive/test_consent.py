"""Consent as a ratchet: whoever left under one address stays out under every other (ALL-08)."""

import pytest


def test_an_opt_out_under_a_former_address_bars_the_new_one(life, draw, built):
    life.sweep({"old@x.lv": 1})
    ann = life.sweep({"new@x.lv": 1}).contacts["new@x.lv"]
    draw("staging.mailigen__members", """
        email    | status
        old@x.lv | unsubscribed
    """)  # fmt: skip
    assert built("resolve.consent", "contact_id, reason") == [(ann, "has unsubscribed")]


def test_an_opt_out_that_vanished_from_the_list_still_bars(life, draw, built):
    life.sweep({"old@x.lv": 1})
    ann = life.sweep({"new@x.lv": 1}).contacts["new@x.lv"]
    draw("staging.syncline__consent", """
        email    | kind
        old@x.lv | unsubscribed
    """)  # fmt: skip
    assert built("resolve.consent", "contact_id, kind") == [(ann, "unsubscribed")]


def test_an_opt_out_bars_whoever_forked_from_it_as_well(life, draw, built):
    stays = life.sweep({"old@x.lv": 1}).contacts["old@x.lv"]
    leaves = life.sweep({"old@x.lv": 2, "new@x.lv": 1}).contacts["new@x.lv"]
    draw("staging.mailigen__members", """
        email    | status
        old@x.lv | unsubscribed
    """)  # fmt: skip
    barred = {contact for (contact,) in built("resolve.consent", "contact_id")}
    assert barred == {stays, leaves}


def test_an_opt_out_of_a_merged_contact_bars_the_one_it_ended_in(life, draw, built):
    life.sweep({"a@x.lv": 1, "b@x.lv": 2})
    kept = life.sweep({"b@x.lv": 1}).contacts["b@x.lv"]
    draw("staging.mailigen__members", """
        email  | status
        a@x.lv | unsubscribed
    """)  # fmt: skip
    assert (kept, "unsubscribed") in built("resolve.consent", "contact_id, kind")


def test_an_opt_out_bars_nobody_who_never_had_the_address(life, draw, built):
    life.sweep({"a@x.lv": 1, "b@x.lv": 2})
    draw("staging.mailigen__members", """
        email       | status
        stranger@x.lv | unsubscribed
    """)  # fmt: skip
    assert built("resolve.consent", "contact_id") == []


def test_the_gravest_reason_is_the_one_told(draw, built):
    draw("resolve.holdings", """
        contact_id | email
        ann        | a@x.lv
        ann        | b@x.lv
        ann        | c@x.lv
    """)  # fmt: skip
    draw("staging.mailigen__members", """
        email  | status
        a@x.lv | bounced
        b@x.lv | unsubscribed
    """)  # fmt: skip
    assert built("resolve.consent", "reason") == [("has unsubscribed",)]
    draw("staging.syncline__consent", """
        email  | kind
        c@x.lv | forgotten
    """)  # fmt: skip
    assert built("resolve.consent", "reason") == [("was erased on request and stays erased",)]


@pytest.mark.parametrize(("email", "rows"), [("new@x.lv", 1), ("old@x.lv", 0)])
def test_an_unconfirmed_address_bars_only_while_it_is_the_present_one(email, rows, draw, built):
    draw("resolve.contacts", """
        contact_id | email
        ann        | new@x.lv
    """)  # fmt: skip
    draw("resolve.holdings", """
        contact_id | email
        ann        | old@x.lv
        ann        | new@x.lv
    """)  # fmt: skip
    draw("staging.mailigen__members", f"""
        email   | status
        {email} | inactive
    """)  # fmt: skip
    assert len(built("resolve.consent", "contact_id")) == rows


def test_a_subscribed_address_bars_nobody(draw, built):
    draw("resolve.holdings", """
        contact_id | email
        ann        | a@x.lv
    """)  # fmt: skip
    draw("staging.mailigen__members", """
        email  | status
        a@x.lv | subscribed
    """)  # fmt: skip
    assert built("resolve.consent", "contact_id") == []
