"""The Mailigen client against the sandbox, over real HTTP."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import httpx
import pytest

from connectors.errors import (
    BadCredentials,
    Blocked,
    Gone,
    NotAdministrator,
    OutcomeUnknown,
    ReadFailed,
    Refused,
    Throttled,
)
from connectors.mailigen import BATCH_ROWS, Mailigen, Pace
from connectors.meter import Tally

NOBODY = "nobody@nowhere.example"
STATUSES = ("subscribed", "unsubscribed", "inactive", "bounced")


def flat(pages):
    return [row for page in pages for row in page]


@pytest.fixture
def newsletter(mailigen):
    return next(row for row in mailigen.lists() if row["name"] == "Newsletter")


@pytest.fixture
def scratch(mailigen):
    return mailigen.create_list("Scratch")


def test_an_administrators_key_opens_the_account(mailigen):
    assert mailigen.ping() == "Everything's Ok!"
    assert "emails_left" in mailigen.account()


@pytest.mark.parametrize(
    ("key", "expected"),
    [("wrong-key", BadCredentials), ("sandbox-mailigen-restricted", NotAdministrator)],
)
def test_other_keys_are_told_what_is_wrong_without_being_shown(sandbox, tally, key, expected):
    url = sandbox.url + "/mailigen"
    with Mailigen(url, key=key, meter=tally) as client, pytest.raises(expected) as caught:
        client.account()
    assert key not in str(caught.value)


@pytest.mark.parametrize("key", ["", "two words", "line\n", "kéy"])
def test_a_key_that_cannot_be_one_is_refused_before_any_call(tally, key):
    with pytest.raises(BadCredentials):
        Mailigen("http://127.0.0.1:9", key=key, meter=tally)
    assert tally.request_count == 0


def test_members_of_a_status_are_as_many_as_the_list_counts(mailigen, newsletter):
    members = flat(mailigen.members(newsletter["id"], "subscribed"))
    assert len(members) == newsletter["member_count"] > 0


def test_a_member_is_found_with_values_whatever_the_status(mailigen, newsletter):
    for status in ("subscribed", "unsubscribed"):
        email = flat(mailigen.members(newsletter["id"], status))[0]["email"]
        member = mailigen.member(newsletter["id"], email)
        assert (member["email"], member["status"]) == (email, status)
    assert mailigen.member(newsletter["id"], NOBODY) is None


def test_a_list_that_does_not_exist_is_not_mistaken_for_a_missing_member(mailigen):
    with pytest.raises(Refused) as caught:
        mailigen.member("00000000", NOBODY)
    assert not isinstance(caught.value, Gone)


def test_a_new_list_takes_fields_and_members_and_is_found_again(mailigen, scratch):
    assert mailigen.find_list("Scratch") == scratch
    mailigen.add_merge_var(scratch, "SOURCE", "Source")
    assert "SOURCE" in [field["tag"] for field in mailigen.merge_vars(scratch)]
    rows = [{"EMAIL": "ann@x.example", "SOURCE": "Pipedrive|b|b"}, {"EMAIL": "not an address"}]
    answer = mailigen.subscribe_batch(scratch, rows)
    assert (answer.success_count, list(answer.errors)) == (1, ["not an address"])
    assert mailigen.member(scratch, "ann@x.example")["merges"]["SOURCE"] == "Pipedrive|b|b"


def test_a_batch_changes_nobody_who_is_there_already(mailigen, newsletter):
    list_id = newsletter["id"]
    for status in STATUSES:
        for row in flat(mailigen.members(list_id, status))[:1]:
            before = mailigen.member(list_id, row["email"])
            answer = mailigen.subscribe_batch(list_id, [{"EMAIL": row["email"], "FNAME": "Zed"}])
            assert (answer.success_count, len(answer.errors)) == (0, 1)
            assert mailigen.member(list_id, row["email"]) == before


def test_an_update_changes_values_and_never_a_status(mailigen, newsletter):
    email = flat(mailigen.members(newsletter["id"], "unsubscribed"))[0]["email"]
    mailigen.update_member(newsletter["id"], email, {"FNAME": "Zed"})
    after = mailigen.member(newsletter["id"], email)
    assert (after["status"], after["merges"]["FNAME"]) == ("unsubscribed", "Zed")


def test_a_removed_member_is_gone_and_stays_gone(mailigen, scratch):
    mailigen.subscribe_batch(scratch, [{"EMAIL": "ann@x.example"}])
    mailigen.delete_member(scratch, "ann@x.example")
    assert mailigen.member(scratch, "ann@x.example") is None
    with pytest.raises(Gone):
        mailigen.delete_member(scratch, "ann@x.example")
    with pytest.raises(Gone):
        mailigen.update_member(scratch, "ann@x.example", {"FNAME": "Ann"})


def test_campaigns_of_a_list_come_with_the_running_autoresponder(mailigen, newsletter):
    campaigns = flat(mailigen.campaigns(newsletter["id"]))
    assert len(campaigns) == 8
    assert "auto" in {campaign["type"] for campaign in campaigns}
    recent = flat(mailigen.campaigns(newsletter["id"], datetime.now(UTC) - timedelta(days=11)))
    assert 0 < len(recent) < 8


@pytest.mark.parametrize("cap", [1000, 50])
def test_engagement_is_complete_by_the_vendors_own_totals(sandbox, mailigen, newsletter, cap):
    sandbox.assume("mailigen", "opened_limit_max", cap)
    sandbox.assume("mailigen", "click_details_limit_max", min(cap, 25))
    for campaign in flat(mailigen.campaigns(newsletter["id"])):
        stats = mailigen.stats(campaign["id"])
        opened = flat(mailigen.opened(campaign["id"]))
        assert len(opened) == stats["unique_opens"]
        assert sum(row["count"] for row in opened) == stats["opens"]
        assert len(flat(mailigen.click_details(campaign["id"]))) == stats["clicks"]
        assert not {row["email"] for row in opened} & set(flat(mailigen.not_opened(campaign["id"])))
        for kind in ("hard", "soft", "blocked", "temporary", "generic"):
            assert len(flat(mailigen.bounces(campaign["id"], kind))) == stats[f"{kind}_bounces"]


def test_a_read_survives_a_lost_answer_and_a_rate_limit(sandbox, mailigen, naps):
    sandbox.fault("mailigen", "/1.8/lists", "lost_answer")
    sandbox.fault("mailigen", "/1.8/lists", "rate_limit", after=1)
    assert mailigen.lists()
    assert len(naps) >= 2


def test_a_lost_answer_to_a_batch_is_unknown_sent_once_and_found_again(sandbox, mailigen, scratch):
    sandbox.fault("mailigen", "/1.8/listBatchSubscribe", "lost_answer")
    with pytest.raises(OutcomeUnknown):
        mailigen.subscribe_batch(scratch, [{"EMAIL": "ann@x.example"}])
    assert mailigen.member(scratch, "ann@x.example") is not None
    added = [row for row in sandbox.books("mailigen", "members") if "ann@x.example" in str(row)]
    assert len(added) == 1


@pytest.mark.parametrize("kind", ["truncate", "lost_request", "lost_answer"])
def test_a_write_without_a_whole_answer_is_unknown(sandbox, mailigen, scratch, kind):
    sandbox.fault("mailigen", "/1.8/listUpdateMember", kind)
    with pytest.raises(OutcomeUnknown):
        mailigen.update_member(scratch, NOBODY, {"FNAME": "Ann"})


def test_a_throttled_write_was_not_made_and_is_not_repeated_here(sandbox, mailigen, scratch, tally):
    sandbox.fault("mailigen", "/1.8/listMemberDelete", "rate_limit")
    before = tally.requests["write"]
    with pytest.raises(Throttled):
        mailigen.delete_member(scratch, NOBODY)
    assert tally.requests["write"] == before + 1


def test_a_block_page_is_told_to_the_meter(sandbox, mailigen, tally):
    sandbox.fault("mailigen", "/1.8/lists", "html_403")
    with pytest.raises(Blocked):
        mailigen.lists()
    assert len(tally.blocks) == 1


class Scripted:
    """A vendor that answers what it is told to, and keeps the forms it was sent."""

    def __init__(self, *answers: str) -> None:
        self._answers, self.forms = list(answers), []

    def client(self) -> Mailigen:
        http = httpx.Client(transport=httpx.MockTransport(self._answer))
        pace = Pace(sleep=lambda _: None)
        return Mailigen("http://mailigen.example", key="k", meter=Tally(), http=http, pace=pace)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        form = dict(parse_qsl(request.content.decode()))
        self.forms.append({"method": request.url.params["method"], **form})
        return httpx.Response(200, text=self._answers.pop(0))


MAILS_OR_CONSENTS = (
    "double_optin", "update_existing", "send_welcome", "send_goodbye", "send_notify",
    "options[subscription_notify]", "options[unsubscription_notify]",
    "options[has_email_type_option]",
)  # fmt: skip


def test_no_write_can_mail_anybody_or_change_a_status():
    vendor = Scripted(
        '"9"', '"true"', '{"success_count":1,"error_count":0,"errors":[]}', "true", "true"
    )
    client = vendor.client()
    client.create_list("L")
    client.add_merge_var("9", "SOURCE", "Source")
    client.subscribe_batch("9", [{"EMAIL": "a@x.lv"}])
    client.update_member("9", "a@x.lv", {"FNAME": "A"})
    client.delete_member("9", "a@x.lv")
    by_method = {form["method"]: form for form in vendor.forms}
    assert by_method["listBatchSubscribe"]["double_optin"] == "0"
    assert by_method["listBatchSubscribe"]["update_existing"] == "0"
    assert by_method["listCreate"]["options[subscription_notify]"] == "0"
    assert by_method["listCreate"]["options[unsubscription_notify]"] == "0"
    for form in vendor.forms:
        assert all(form[flag] == "0" for flag in MAILS_OR_CONSENTS if flag in form)
        assert "status" not in form
        assert form["method"] not in ("listSubscribe", "listUnsubscribe", "listBatchUnsubscribe")


def test_openers_that_come_short_fail_the_read():
    page = '{"total": 3, "data": [{"email": "a@x.lv", "count": 2}]}'
    client = Scripted(page, page).client()
    with pytest.raises(ReadFailed, match="1 of 3"):
        flat(client.opened("c1"))


def test_clicks_that_come_short_of_the_links_totals_fail_the_read():
    details = '[{"email": "a@x.lv", "link": "http://x", "date": "2026-11-01 10:00:00"}]'
    client = Scripted('[{"id": 1, "url": "http://x", "clicks": 2, "unique": 1}]', details).client()
    with pytest.raises(ReadFailed, match="1 of 2"):
        flat(client.click_details("c1"))


def test_a_batch_too_large_or_without_addresses_is_never_sent():
    vendor = Scripted()
    for rows in ([{"EMAIL": "a@x.lv"}] * (BATCH_ROWS + 1), [{"FNAME": "Ann"}]):
        with pytest.raises(ValueError, match="a batch has at most"):
            vendor.client().subscribe_batch("9", rows)
    assert vendor.client().subscribe_batch("9", []) == (0, {})
    assert vendor.forms == []
