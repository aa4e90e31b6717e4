"""Both vendors' webhooks: made, told apart from anybody's, made again, removed."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import update

from connectors.mailchimp.webhooks import settings as settings_of_webhook
from pipelines.kinds import rung_from
from pipelines.listening import IN_DOUBT, Wires
from pipelines.mailchimp_pipedrive.listening import BELLS, MAILCHIMP, PIPEDRIVE
from state import consent, schema
from tests.pipelines.mailchimp_pipedrive.flow_desk import NEW, OUT, STAGE, FlowDesk
from tests.pipelines.mailchimp_pipedrive.porch import SECRET, Porch
from tests.pipelines.mailchimp_pipedrive.test_flows import done


@pytest.fixture
def porch(desk: FlowDesk) -> Iterator[Porch]:
    """A sync that has run once, and its door; no webhook is made yet."""
    desk.start(OUT, NEW, STAGE, people=60)
    done(desk)
    opened = Porch(desk)
    yield opened
    opened.close()


def places(porch: Porch) -> list[str]:
    """What rings, as the vendors' books have it."""
    return sorted(
        [str(one["list_id"]) for one in porch.webhooks("mailchimp")]
        + [f"{one['event_action']} {one['event_object']}" for one in porch.webhooks("pipedrive")]
    )


def barred(porch: Porch, *emails: str) -> dict[str, str]:
    key = consent.read_key(porch.desk.home)
    found = consent.in_force(porch.state, "engagement", emails, key=key)
    return {one.address: one.kind for one in found}


def test_one_rings_for_each_audience_and_each_noun_and_a_second_look_makes_none(
    porch: Porch,
) -> None:
    """ALL-12, MC-14: Mailchimp has knocked with GET before it took the address"""
    for _ in range(2):
        assert porch.look() == 3600
        assert places(porch) == sorted([porch.desk.audience, "* deal", "* person"])
    (hook,) = porch.webhooks("mailchimp")
    assert hook["url"].startswith(porch.url("engagement") + "?")
    assert hook["sources"] == {"user": True, "admin": True, "api": True}
    assert not hook["events"]["campaign"]
    assert not any(SECRET in line for line in porch.said)


def test_deals_ring_only_where_a_flow_is_about_a_stage(porch: Porch) -> None:
    """MC-14, ALL-12: and no more once none is"""
    porch.look()
    porch.desk.wanted["flows"] = [OUT]
    porch.look()
    assert places(porch) == sorted([porch.desk.audience, "* person"])


def test_who_does_not_know_the_secret_is_refused_at_either_door(porch: Porch) -> None:
    """ALL-12: Mailchimp's is in the address, Pipedrive's is HTTP Basic"""
    body = {"type": "unsubscribe", "data[email]": "ann@x.lv", "data[list_id]": "9"}
    for query in ("", "?secret=", "?secret=another", f"?secret={SECRET}&secret=x"):
        url = porch.url("engagement") + query
        assert httpx.post(url, data=body, trust_env=False).status_code == 401
    for auth in (None, ("syncline", "another"), ("another", SECRET)):
        url = porch.url("crm")
        assert httpx.post(url, json={}, auth=auth, trust_env=False).status_code == 401
    assert porch.waiting == 0
    assert barred(porch, "ann@x.lv") == {}
    url = porch.url("engagement") + "?" + httpx.QueryParams(secret=SECRET).__str__()
    assert httpx.post(url, data=body, trust_env=False).status_code == 200
    assert httpx.post(
        porch.url("crm"), json={}, auth=("syncline", SECRET), trust_env=False
    ).is_success
    assert porch.waiting == 2


@pytest.mark.parametrize(("act", "kind"), [("unsubscribe", "unsubscribed"), ("clean", "bounced")])
def test_who_leaves_is_barred_at_once(porch: Porch, act: str, kind: str) -> None:
    """ALL-08, ALL-12"""
    porch.look()
    email = "ann@new.example"
    porch.desk.act("add", email)
    porch.turn()
    assert barred(porch, email) == {}
    porch.desk.act(act, email)
    porch.turn()
    assert barred(porch, email) == {email.lower(): kind}


def remove(porch: Porch, vendor: str) -> None:
    """Somebody deletes a vendor's webhooks by hand."""
    desk = porch.desk
    for one in porch.webhooks(vendor):
        if vendor == "mailchimp":
            desk.call("DELETE", f"/lists/{one['list_id']}/webhooks/{one['id']}")
        else:
            desk._crm("DELETE", f"/v1/webhooks/{one['id']}")


@pytest.mark.parametrize("vendor", ["mailchimp", "pipedrive"])
def test_one_that_is_gone_is_made_again_and_everything_is_read_at_once(
    porch: Porch, vendor: str
) -> None:
    """ALL-12: what it did not deliver is the sweep's to find"""
    porch.look()
    before = places(porch)
    assert not porch.listening.is_owed_a_run
    remove(porch, vendor)
    porch.look()
    assert places(porch) == before
    assert porch.listening.is_owed_a_run
    porch.turn()
    porch.turn(1)
    assert porch.runs == ["done"]
    assert not porch.listening.is_owed_a_run


def test_one_whose_deliveries_fail_is_made_again_at_another_address(porch: Porch) -> None:
    """ALL-12: ten failures ban it for half an hour, and nothing shows the ban"""
    porch.look()
    first = {one["id"]: one["subscription_url"] for one in porch.webhooks("pipedrive")}
    person = porch.desk.selected()[0]["id"]
    porch.listening.ropes[1].secret = "another secret of so many characters"
    porch.desk.edit(person, first_name="Zelda")
    porch.wait_for_deliveries()
    porch.listening.ropes[1].secret = SECRET
    porch.look()
    stands = {one["id"]: one["subscription_url"] for one in porch.webhooks("pipedrive")}
    assert len(stands) == 2
    assert len(set(stands.values()) - set(first.values())) == 1, "the silent one alone"
    assert porch.listening.is_owed_a_run


def test_one_that_mailchimp_has_switched_off_is_on_again_within_a_day(porch: Porch) -> None:
    """ALL-12: twenty failures switch it off, which no call shows; any change switches it on"""
    porch.desk.assume("mailchimp", "webhook_retries", "twenty_then_disabled")
    porch.look()
    rope, email = porch.listening.ropes[0], "zelda@example.org"
    rope.secret = "another secret of so many characters"
    porch.desk.act("add", email)
    while not porch.webhooks("mailchimp")[0]["disabled_at"]:
        porch.desk.control("clock", advance_s=1500)
    rope.secret = SECRET
    porch.look()
    assert porch.webhooks("mailchimp")[0]["disabled_at"], "trusted for a day"
    with porch.state.write() as db:
        yesterday = porch.state.now() - timedelta(days=1)
        db.execute(update(schema.deeds).values(settled_at=yesterday))
    porch.look()
    assert [one["disabled_at"] for one in porch.webhooks("mailchimp")] == [""]
    assert len(porch.webhooks("pipedrive")) == 2
    porch.desk.journal()
    porch.look()
    assert not porch.desk.effects(), "once a day"


def test_another_secret_and_another_address_change_what_is_there(porch: Porch) -> None:
    """ALL-12, ALL-11: deliveries by the former secret are taken until the next look"""
    porch.look()
    porch.secret = "another secret of so many characters"
    porch.listening.settings = porch.settings
    porch.look()
    (hook,) = porch.webhooks("mailchimp")
    assert parse_qs(urlsplit(hook["url"]).query)["secret"] == [porch.secret]
    assert len(porch.webhooks("pipedrive")) == 2
    assert {one["http_auth_password"] for one in porch.webhooks("pipedrive")} == {porch.secret}


@pytest.mark.parametrize(
    ("vendor", "path"), [("mailchimp", "/3.0/lists/*/webhooks"), ("pipedrive", "/v1/webhooks")]
)
@pytest.mark.parametrize("kind", ["lost_answer", "lost_request"])
def test_one_whose_making_was_not_answered_is_looked_for_and_never_doubled(
    porch: Porch, vendor: str, path: str, kind: str
) -> None:
    """ALL-06, ALL-12"""
    porch.desk.fault(vendor=vendor, method="POST", path=path, kind=kind, times=1)
    assert porch.look() == 300
    porch.desk.control("clock", advance_s=400)
    porch.look()
    porch.look()
    assert places(porch) == sorted([porch.desk.audience, "* deal", "* person"])


def test_removing_takes_ours_away_and_nobody_elses(porch: Porch) -> None:
    """ALL-12: also where the state knows of none"""
    porch.look()
    theirs = settings_of_webhook(f"{porch.root}/health", "x")
    porch.desk.call("POST", f"/lists/{porch.desk.audience}/webhooks", theirs)
    assert rung_from(porch.state, "acme") == {"crm", "engagement"}
    wires = Wires(porch.settings, porch.connections, porch.lease)
    for bell, account in ((MAILCHIMP, "engagement"), (PIPEDRIVE, "crm")):
        assert bell.remove(wires, "acme", account).trouble == ""
        assert bell.remove(wires, "acme", account) == ("", "")
    assert [one["url"] for one in porch.webhooks("mailchimp")] == [theirs["url"]]
    assert porch.webhooks("pipedrive") == []
    assert rung_from(porch.state, "acme") == set()


def test_a_sync_that_no_file_lists_any_more_loses_its_webhooks(porch: Porch) -> None:
    """ALL-12"""
    porch.look()
    porch.desk.wanted = {}
    assert porch.look() == 60
    assert porch.look() is None
    assert places(porch) == []
    assert IN_DOUBT not in "".join(porch.said)
    assert len(BELLS) == 2
