"""Opt-outs of audiences that no flow is about: they bar in every audience of the account."""

import pytest

from tests.pipelines.mailchimp_pipedrive.flow_desk import OUT, FlowDesk
from tests.pipelines.mailchimp_pipedrive.test_flows import done, quiet

PARTNERS = "Partners"


def act(desk: FlowDesk, kind: str, email: str) -> None:
    desk.control("events/mailchimp", kind=kind, email=email, list=PARTNERS)


def barred(desk: FlowDesk, email: str) -> list[str]:
    query = f"SELECT kind FROM staging.syncline__consent WHERE email = '{email}'"
    return [kind for (kind,) in desk.ask(query)]


def left_partners(desk: FlowDesk, status: str) -> str:
    """Somebody whom the flow selects, who is not in its audience, and who left the other one."""
    _, email = desk.untouched()
    act(desk, "add", email)
    ways = {"unsubscribed": "unsubscribe", "archived": "archive", "cleaned": "clean"}
    act(desk, ways[status], email)
    return email


@pytest.mark.parametrize(
    ("status", "reason"),
    [("unsubscribed", "unsubscribed"), ("archived", "removed"), ("cleaned", "bounced")],
)
def test_who_left_an_audience_that_no_flow_is_about_is_created_in_none(
    desk: FlowDesk, status: str, reason: str
) -> None:
    """ALL-08: the plan says so as well"""
    desk.start(OUT)
    email = left_partners(desk, status)
    planned = desk.plan()
    done(desk)
    assert desk.member(email) is None
    assert planned.totals["members"].get("create", 0) == len(
        [one for one in desk.effects() if (one["object"], one["verb"]) == ("members", "create")]
    )
    assert barred(desk, email) == [reason]
    quiet(desk)


def test_who_leaves_it_later_is_barred_by_the_next_run(desk: FlowDesk) -> None:
    """ALL-08: found among what changed since"""
    desk.start(OUT)
    desk.change("out", active=False)
    done(desk)
    email = left_partners(desk, "unsubscribed")
    desk.change("out", active=True)
    done(desk)
    assert desk.member(email) is None


def test_our_own_subscribing_lifts_no_bar_of_an_audience_that_is_no_longer_read(
    desk: FlowDesk,
) -> None:
    """ALL-08: subscribed by us before the bar was seen, and the flow of the other audience goes"""
    partners = OUT | {"id": "partners", "audience": PARTNERS}
    desk.start(OUT, partners)
    desk.horizon = 0.001
    _, email = desk.untouched()
    done(desk)
    assert desk.member(email) is not None
    act(desk, "unsubscribe", email)
    done(desk)
    desk.wanted["flows"] = [OUT]
    for file in (desk.home / "work").glob("*.duckdb*"):  # as `forget` does: everything is read anew
        file.unlink()
    done(desk)
    done(desk)
    assert barred(desk, email) == ["unsubscribed"]


def test_who_subscribes_there_again_is_no_longer_barred(desk: FlowDesk) -> None:
    """ALL-08: the person's own act, in the audience they had left"""
    desk.start(OUT)
    desk.horizon = 0.001
    email = left_partners(desk, "unsubscribed")
    done(desk)
    assert desk.member(email) is None
    act(desk, "subscribe", email)
    act(desk, "confirm", email)
    desk.act("add", email)
    done(desk)
    assert not barred(desk, email)
