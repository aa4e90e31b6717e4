"""Whatever the API is asked, in whatever order, it brings nobody back who left by own act."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mailchimp_desk import Desk, hash_of

ANN, MOVED = "ann@x.lv", "ann@new.lv"
STATUS = st.sampled_from(["subscribed", "unsubscribed", "cleaned", "pending", "transactional", ""])
Call = tuple[str, str, dict[str, Any]]


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """A call about Ann under her first or her second address."""
    path, email = (draw(st.sampled_from([ANN, MOVED])) for _ in range(2))
    body = {"email_address": email, "status": draw(STATUS), "status_if_new": draw(STATUS)}
    member = f"/members/{hash_of(path)}"
    rows = {"members": [body], "update_existing": draw(st.booleans())}
    one: Call = ("PUT", member, body)
    return draw(
        st.sampled_from(
            [
                one,
                ("PATCH", member, body),
                ("POST", "/members", body),
                ("POST", "", rows),
                ("DELETE", member, {}),
                ("POST", f"{member}/actions/delete-permanent", {}),
            ]
        )
    )


@pytest.mark.parametrize("end", ["unsubscribe", "abuse", "clean", "forget"])
@settings(max_examples=40, deadline=None)
@given(asked=st.lists(calls(), max_size=8))
def test_no_order_of_calls_subscribes_who_left(end: str, asked: list[Call]) -> None:
    """ALL-08"""
    desk = Desk(people=0)
    contact = desk.add(ANN)["contact_id"]
    if end == "abuse":
        desk.play("unsubscribe", ANN, by="abuse")
    else:
        desk.play(end, ANN)
    for method, path, body in asked:
        answer = desk.send(method, f"/lists/{desk.list_id}{path}", body)
        assert answer.status < 500
        record = desk.vendor.acme.members.book.get(contact)
        assert record is not None
        assert record.get("status") not in ("subscribed", "transactional")
        if end == "forget":
            assert desk.vendor.acme.members.find(desk.list_id, ANN) is None


def test_an_address_that_was_given_up_is_free_again(desk: Desk) -> None:
    """ALL-08"""
    desk.add(ANN)
    desk.play("unsubscribe", ANN)
    desk.call("PATCH", f"/lists/{desk.list_id}/members/{hash_of(ANN)}", {"email_address": MOVED})
    assert desk.add(ANN)["status"] == "subscribed"
    assert desk.status(MOVED) == "unsubscribed"


@settings(max_examples=60, deadline=None)
@given(asked=st.lists(calls(), max_size=10))
def test_members_are_found_by_what_they_are_called(asked: list[Call]) -> None:
    """Two members never share an address, and a moved one leaves no trace at the old one."""
    desk = Desk(people=0)
    for method, path, body in asked:
        desk.send(method, f"/lists/{desk.list_id}{path}", body)
    members = [m for m in desk.book("members") if not m["_deleted"]]
    named = [m["email_address"].lower() for m in members]
    assert len(set(named)) == len(named)
    for member in members:
        found = desk.vendor.acme.members.find(desk.list_id, member["email_address"])
        assert found is not None
        assert found["contact_id"] == member["contact_id"]
    assert len(desk.vendor.acme.members.of(desk.list_id)) == len(members)
