"""The Mailchimp client against the sandbox, over real HTTP."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from connectors.errors import (
    AlreadyThere,
    BadCredentials,
    Barred,
    Blocked,
    Gone,
    Misfilled,
    OutcomeUnknown,
    Refused,
    Throttled,
)
from connectors.mailchimp import Mailchimp, NewMember, subscriber_hash, wire

LEFT = ("unsubscribed", "cleaned", "archived")


def flat(pages):
    return [row for page in pages for row in page]


@pytest.fixture
def list_id(sandbox):
    return sandbox.describe("mailchimp")["lists"]["Newsletter"]


@pytest.fixture
def somebody(mailchimp, list_id):
    """The address of a member by status."""

    def find(status):
        return flat(mailchimp.members(list_id, status=status))[0]["email_address"]

    return find


@pytest.fixture
def ann(mailchimp, list_id):
    mailchimp.add_member(list_id, NewMember("ann@new.example", {"FNAME": "Ann"}))
    return "ann@new.example"


def kept(sandbox, list_id, email):
    rows = [
        row for row in sandbox.books("mailchimp", "members")
        if row["list_id"] == list_id and row["email_address"].lower() == email.lower()
    ]  # fmt: skip
    assert len(rows) == 1
    return rows[0]


def test_a_key_opens_the_account_and_its_audiences(mailchimp, list_id):
    """MC-01"""
    assert mailchimp.account()["role"] == "owner"
    by_name = {audience["name"]: audience for audience in mailchimp.audiences()}
    assert by_name["Newsletter"]["id"] == list_id
    assert mailchimp.audience(list_id)["stats"]["member_count"] > 0
    with pytest.raises(Gone):
        mailchimp.audience("0000000000")


def test_an_account_without_an_audience_has_none(sandbox, tally):
    """MC-01: an audience must exist"""
    key = next(k for k, of in sandbox.describe("mailchimp")["keys"].items() if "without" in of)
    with Mailchimp(sandbox.url + "/mailchimp", key=key, meter=tally) as client:
        assert client.audiences() == []


@pytest.mark.parametrize("is_known", [True, False])
def test_a_key_that_was_disabled_is_told_from_a_wrong_one(sandbox, tally, is_known):
    """MC-01, ALL-11"""
    key = next(iter(sandbox.describe("mailchimp")["keys"])) if is_known else f"{'f' * 32}-us6"
    sandbox.play("mailchimp", "disable_key")
    with (
        Mailchimp(sandbox.url + "/mailchimp", key=key, meter=tally) as client,
        pytest.raises(BadCredentials) as caught,
    ):
        client.account()
    assert ("was disabled" in caught.value.next_step) is is_known
    assert key not in str(caught.value)


def test_api_access_that_was_switched_off_ends_the_run(sandbox, mailchimp):
    """MC-01, ALL-04"""
    sandbox.play("mailchimp", "disable_api")
    with pytest.raises(BadCredentials, match="Next step"):
        mailchimp.account()


def test_every_member_comes_once_with_its_values(mailchimp, sandbox, list_id):
    """ALL-09: archived ones are asked for apart"""
    found = flat(mailchimp.members(list_id)) + flat(mailchimp.members(list_id, status="archived"))
    books = [row for row in sandbox.books("mailchimp", "members") if row["list_id"] == list_id]
    assert sorted(row["contact_id"] for row in found) == sorted(row["contact_id"] for row in books)
    assert {"FNAME", "LNAME"} <= set(found[0]["merge_fields"])
    assert "location" not in found[0]
    assert "ip_opt" not in found[0]


def test_whoever_stays_is_met_although_others_go_and_change_between_two_pages(
    mailchimp, sandbox, list_id, monkeypatch
):
    """ALL-09: archived and edited while the walk goes on, a page of fifty at a time"""
    before = {row["email_address"] for row in flat(mailchimp.members(list_id))}
    monkeypatch.setattr(wire, "PAGE_COUNT", 50)
    found, gone = [], []
    for page in mailchimp.members(list_id):
        found += page
        if len(gone) < 8:
            gone += [row["email_address"] for row in page[:2]]
            for email in gone[-2:]:
                sandbox.play("mailchimp", "archive", email=email)
            sandbox.play("mailchimp", "edit", email=page[5]["email_address"], fields={"FNAME": "Z"})
    emails = [row["email_address"] for row in found]
    assert len(emails) == len(set(emails))
    assert len(gone) >= 2
    assert before - set(gone) <= set(emails)


def test_who_changed_since_is_found_over_an_overlap(mailchimp, sandbox, list_id, somebody):
    """MC-04, ALL-09"""
    email = somebody("subscribed")
    since = mailchimp.vendor_now() + timedelta(minutes=1)
    sandbox.play("mailchimp", "update_profile", email=email, fields={"FNAME": "Zed"})
    found = flat(mailchimp.members(list_id, since=since))
    assert [row["email_address"] for row in found] == [email]
    later = since + timedelta(hours=1)
    assert flat(mailchimp.members(list_id, since=later)) == []


def test_merge_fields_name_their_type(mailchimp, list_id):
    """MC-03"""
    by_tag = {field["tag"]: field["type"] for field in mailchimp.merge_fields(list_id)}
    assert (by_tag["FNAME"], by_tag["ADDRESS"]) == ("text", "address")
    assert "EMAIL" not in by_tag


def test_a_segments_members_are_as_many_as_it_counts(mailchimp, list_id):
    """MC-04, ALL-09: tags and saved segments alike"""
    segments = mailchimp.segments(list_id)
    assert {"static", "saved"} <= {segment["type"] for segment in segments}
    for segment in segments:
        places = flat(mailchimp.segment_members(list_id, segment["id"]))
        subscribed = [place for place in places if place["status"] == "subscribed"]
        assert len(subscribed) == segment["member_count"]
        assert len({place["id"] for place in places}) == len(places)
    tags = mailchimp.segments(list_id, "static")
    assert {tag["type"] for tag in tags} == {"static"}


def test_a_segment_that_was_deleted_is_gone(mailchimp, sandbox, list_id):
    """MC-07"""
    tag = mailchimp.segments(list_id, "static")[0]
    assert mailchimp.segment(list_id, tag["id"])["name"] == tag["name"]
    sandbox.play("mailchimp", "delete_segment", segment=tag["id"])
    with pytest.raises(Gone):
        mailchimp.segment(list_id, tag["id"])


# New members


def test_a_new_member_is_subscribed_and_found_by_any_writing_of_the_address(
    mailchimp, list_id, ann
):
    """MC-13"""
    found = mailchimp.member(list_id, " ANN@New.example")
    assert (found["status"], found["merge_fields"]["FNAME"]) == ("subscribed", "Ann")
    assert mailchimp.member(list_id, "nobody@new.example") is None


@pytest.mark.parametrize("status", ["subscribed", *LEFT])
def test_nobody_who_is_there_is_touched_by_an_addition(
    mailchimp, sandbox, list_id, somebody, status
):
    """ALL-08: archived by hand among them, whom `status_if_new` would bring back"""
    email = somebody(status)
    before = kept(sandbox, list_id, email)
    with pytest.raises(AlreadyThere) as caught:
        mailchimp.add_member(list_id, NewMember(email.upper(), {"FNAME": "Zed"}))
    assert caught.value.existing_id == subscriber_hash(email)
    assert kept(sandbox, list_id, email) == before


def test_an_address_that_was_erased_is_barred_for_good(mailchimp, sandbox, list_id, somebody):
    """ALL-08: forgotten"""
    email = somebody("subscribed")
    sandbox.play("mailchimp", "forget", email=email)
    with pytest.raises(Barred) as caught:
        mailchimp.add_member(list_id, NewMember(email))
    assert caught.value.because == "forgotten"
    assert email not in str(caught.value)


@pytest.mark.parametrize("email", ["someone@test.com", "no-address", "two@at@new.example"])
def test_an_address_that_is_fake_or_none_is_refused_alone(mailchimp, list_id, email):
    """ALL-04: the record, and not the run"""
    with pytest.raises(Refused) as caught:
        mailchimp.add_member(list_id, NewMember(email))
    assert not isinstance(caught.value, Barred | AlreadyThere | Gone)


def test_an_address_on_too_many_lists_is_refused_for_now(mailchimp, sandbox, list_id):
    """ALL-08: no consent of anybody's is in it"""
    sandbox.play("mailchimp", "crowd", email="busy@new.example")
    with pytest.raises(Refused) as caught:
        mailchimp.add_member(list_id, NewMember("busy@new.example"))
    assert not isinstance(caught.value, Barred)


def test_a_wrong_value_is_refused_by_the_name_of_its_field(mailchimp, sandbox, list_id, ann):
    """MC-03, ALL-04"""
    number = next(f["tag"] for f in mailchimp.merge_fields(list_id) if f["type"] == "number")
    with pytest.raises(Misfilled) as caught:
        mailchimp.update_member(list_id, ann, {number: "many"})
    assert caught.value.fields == (number,)


def test_a_batch_subscribes_the_new_and_leaves_everybody_else_alone(
    mailchimp, sandbox, list_id, somebody
):
    """MC-13, ALL-08: a row for each state"""
    there = [somebody(status) for status in ("subscribed", *LEFT)]
    before = [kept(sandbox, list_id, email) for email in there]
    rows = [NewMember(email, {"FNAME": "Zed"}) for email in there]
    rows += [NewMember("b1@new.example", {"FNAME": "Bo"}), NewMember("no-address")]
    answer = mailchimp.subscribe_batch(list_id, rows)
    assert answer.created == {subscriber_hash("b1@new.example")}
    assert {type(answer.errors[subscriber_hash(email)]) for email in there} == {AlreadyThere}
    assert type(answer.errors[subscriber_hash("no-address")]) in (Refused, Misfilled)
    assert [kept(sandbox, list_id, email) for email in there] == before


def test_a_row_of_a_batch_that_was_erased_is_barred(mailchimp, sandbox, list_id, somebody):
    """ALL-08: forgotten, told by the row"""
    email = somebody("subscribed")
    sandbox.play("mailchimp", "forget", email=email)
    answer = mailchimp.subscribe_batch(list_id, [NewMember(email), NewMember("b1@new.example")])
    assert isinstance(answer.errors[subscriber_hash(email)], Barred)
    assert answer.created == {subscriber_hash("b1@new.example")}


# Existing members


@pytest.mark.parametrize("status", ["subscribed", *LEFT])
def test_an_update_changes_values_and_never_a_status(mailchimp, list_id, somebody, status):
    """ALL-08, MC-10"""
    email = somebody(status)
    mailchimp.update_member(
        list_id, email, {"FNAME": "Zed", "status": "subscribed"}, skip_merge_validation=True
    )
    after = mailchimp.member(list_id, email)
    assert (after["status"], after["merge_fields"]["FNAME"]) == (status, "Zed")


def test_an_update_of_nobody_adds_nobody(mailchimp, list_id):
    """MC-11"""
    with pytest.raises(Gone):
        mailchimp.update_member(list_id, "nobody@new.example", {"FNAME": "Zed"})
    assert mailchimp.member(list_id, "nobody@new.example") is None


def test_a_changed_address_moves_the_member_and_adds_no_second(mailchimp, list_id, ann):
    """MC-10"""
    before = mailchimp.member(list_id, ann)
    mailchimp.move_member(list_id, ann, "Ann2@new.example", {"LNAME": "Bo"})
    after = mailchimp.member(list_id, "ann2@new.example")
    assert (after["contact_id"], after["status"]) == (before["contact_id"], "subscribed")
    assert after["merge_fields"]["LNAME"] == "Bo"
    assert mailchimp.member(list_id, ann) is None


@pytest.mark.parametrize("status", ["subscribed", *LEFT])
def test_an_address_somebody_has_cannot_be_moved_to(mailchimp, list_id, ann, somebody, status):
    """MC-10, ALL-08: in whatever state"""
    taken = somebody(status)
    with pytest.raises(Refused):
        mailchimp.move_member(list_id, ann, taken)
    assert mailchimp.member(list_id, ann)["status"] == "subscribed"
    assert mailchimp.member(list_id, taken)["status"] == status


def test_a_required_value_that_is_missing_refuses_the_write_unless_it_may_be(
    mailchimp, sandbox, list_id, ann
):
    """MC-03, ALL-04: the field is named"""
    required = [field for field in mailchimp.merge_fields(list_id) if field["required"]]
    if not required:  # none is seeded: make one, as somebody would in the account's settings
        key = next(iter(sandbox.describe("mailchimp")["keys"]))
        made = httpx.post(
            f"{sandbox.url}/mailchimp/3.0/lists/{list_id}/merge-fields", auth=("x", key),
            json={"tag": "NEEDED", "name": "Needed", "type": "text", "required": True},
            trust_env=False,
        )  # fmt: skip
        made.raise_for_status()
        required = [made.json()]
    with pytest.raises(Misfilled) as caught:
        mailchimp.update_member(list_id, ann, {"FNAME": "Zed"})
    assert caught.value.fields == (required[0]["tag"],)
    mailchimp.move_member(list_id, ann, "ann2@new.example", skip_merge_validation=True)
    assert mailchimp.member(list_id, "ann2@new.example")["status"] == "subscribed"


def test_who_left_does_not_come_back_under_a_new_address(mailchimp, list_id, somebody):
    """ALL-08"""
    email = somebody("unsubscribed")
    mailchimp.move_member(list_id, email, "moved@new.example")
    assert mailchimp.member(list_id, "moved@new.example")["status"] == "unsubscribed"


def test_a_tag_is_put_on_once_and_seen_again(mailchimp, list_id, ann):
    """MC-13"""
    for _ in range(2):
        mailchimp.tag_member(list_id, ann, ["From CRM", "Customer"])
    assert sorted(tag["name"] for tag in mailchimp.tags_of(list_id, ann)) == [
        "Customer",
        "From CRM",
    ]
    tag = next(one for one in mailchimp.segments(list_id, "static") if one["name"] == "From CRM")
    places = flat(mailchimp.segment_members(list_id, tag["id"]))
    assert [place["id"] for place in places] == [subscriber_hash(ann)]
    with pytest.raises(Gone):
        mailchimp.tag_member(list_id, "nobody@new.example", ["From CRM"])


# Failures


def test_a_lost_answer_is_unknown_sent_once_and_found_again(mailchimp, sandbox, list_id):
    """ALL-06"""
    sandbox.fault("mailchimp", "*/members", "lost_answer", method="POST")
    with pytest.raises(OutcomeUnknown):
        mailchimp.add_member(list_id, NewMember("ann@new.example"))
    assert mailchimp.member(list_id, "ann@new.example")["status"] == "subscribed"
    kept(sandbox, list_id, "ann@new.example")


@pytest.mark.parametrize(
    ("kind", "more", "error"),
    [
        ("lost_request", {}, OutcomeUnknown),
        ("truncate", {}, OutcomeUnknown),
        ("status", {"status": 503}, OutcomeUnknown),
        ("rate_limit", {}, Throttled),
        ("html_403", {}, Blocked),
    ],
)
def test_a_write_that_went_wrong_is_told_by_what_to_do_next(
    mailchimp, sandbox, list_id, ann, kind, more, error
):
    """ALL-06"""
    sandbox.fault("mailchimp", "*/members/*", kind, method="PATCH", **more)
    with pytest.raises(error):
        mailchimp.update_member(list_id, ann, {"FNAME": "Zed"})


@pytest.mark.parametrize(
    ("kind", "more"),
    [("lost_answer", {}), ("truncate", {}), ("status", {"status": 502}), ("rate_limit", {})],
)
def test_a_read_is_repeated_until_it_is_whole(mailchimp, sandbox, naps, list_id, kind, more):
    """ALL-04"""
    whole = flat(mailchimp.members(list_id))
    sandbox.fault("mailchimp", f"*/lists/{list_id}/members", kind, times=2, **more)
    assert flat(mailchimp.members(list_id)) == whole
    assert len(naps) == 2


def test_the_vendors_clock_is_learned_from_its_answers(mailchimp):
    """ALL-06"""
    mailchimp.account()
    assert abs(mailchimp.vendor_now() - datetime.now(UTC)) < timedelta(seconds=5)
