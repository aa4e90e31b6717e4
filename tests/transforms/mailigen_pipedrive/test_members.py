"""What is written to the list, contact by contact, and why somebody is left out (MG-11, MG-12)."""

import json

import pytest

from pipelines.mailigen_pipedrive.sweep import SYNC
from transforms.build import build


@pytest.fixture
def planned(db):
    """Build the plan and return the columns asked for, a row per contact."""

    def rows(columns):
        build(db, SYNC, "resolve.places", "resolve.differences", "plan.members")
        return db.execute(f"SELECT {columns} FROM plan.members ORDER BY contact_id").fetchall()

    return rows


def contact(draw, email="ann@x.lv", **more):
    columns = {"contact_id": "ann", "email": email, **more}
    text = f"{' | '.join(columns)}\n{' | '.join(columns.values())}"
    draw("resolve.contacts", text)
    if more.get("is_selected") != "false":
        draw("resolve.winners", f"email\n{email}")


def wants(draw, **tags):
    rows = "\n".join(f"ann | {tag} | {value}" for tag, value in tags.items())
    draw("resolve.field_values", f"contact_id | merge_tag | value\n{rows}")


def written(draw, email="ann@x.lv", contact_id="ann", **tags):
    tags = {"SOURCE": "Pipedrive¦all", **tags}
    values = ", ".join(f"{tag}={value}" for tag, value in sorted(tags.items()))
    draw(
        "staging.syncline__members",
        f"contact_id | email | merge_values\n{contact_id} | {email} | {{{values}}}",
    )


def listed(draw, email="ann@x.lv", status="subscribed"):
    draw("staging.mailigen__members", f"email | status\n{email} | {status}")


def test_a_selected_contact_not_on_the_list_is_created_with_its_values(draw, planned):
    contact(draw)
    wants(draw, FNAME="Ann")
    ((action, reason, after),) = planned("action, reason, after")
    assert (action, reason) == ("create", "selected by all")
    assert json.loads(after) == {
        "email": "ann@x.lv",
        "merges": {"FNAME": "Ann", "SOURCE": "Pipedrive|all"},
    }


def test_the_source_names_every_bot_that_selects_the_contact(draw, planned):
    contact(draw, bots="[vip, all]")
    assert planned("after ->> '$.merges.SOURCE'") == [("Pipedrive|all|vip",)]


def test_a_member_that_is_as_it_should_be_is_left_alone(draw, planned):
    contact(draw)
    wants(draw, FNAME="Ann")
    written(draw, FNAME="Ann")
    listed(draw)
    assert planned("action") == []


def test_a_changed_value_is_updated_and_named(draw, planned):
    contact(draw)
    wants(draw, FNAME="Anna", LNAME="Apple")
    written(draw, FNAME="Ann", LNAME="Apple")
    listed(draw)
    rows = planned("action, changed, before ->> '$.merges.FNAME', after ->> '$.merges.FNAME'")
    assert rows == [("update", ["FNAME"], "Ann", "Anna")]


def test_a_cleared_field_is_cleared_on_the_list(draw, planned):
    contact(draw)
    wants(draw, FNAME="''")
    written(draw, FNAME="Ann")
    listed(draw)
    assert planned("action, changed, after ->> '$.merges.FNAME'") == [("update", ["FNAME"], "")]


def test_a_tag_that_is_no_longer_mapped_keeps_its_value(draw, planned):
    contact(draw)
    wants(draw, FNAME="Anna")
    written(draw, FNAME="Ann", TIER="Gold")
    listed(draw)
    assert planned("changed, after ->> '$.merges.TIER'") == [(["FNAME"], "Gold")]


def test_losing_a_field_alone_writes_nothing(draw, planned):
    contact(draw)
    wants(draw, FNAME="Ann")
    written(draw, FNAME="Ann", TIER="Gold")
    listed(draw)
    assert planned("action") == []


def test_somebody_who_joined_by_hand_is_updated_never_created(draw, planned):
    contact(draw)
    wants(draw, FNAME="Ann")
    listed(draw)
    assert planned("action, before, reason") == [
        ("update", None, "already on the list, values never written")
    ]


def test_a_changed_address_moves_the_member(draw, planned):
    contact(draw, "new@x.lv")
    written(draw, "old@x.lv")
    listed(draw, "old@x.lv")
    rows = planned("action, email, before ->> '$.email', leaves_old_behind")
    assert rows == [("move", "new@x.lv", "old@x.lv", False)]


def test_a_changed_address_already_on_the_list_is_updated_and_the_old_one_removed(draw, planned):
    contact(draw, "new@x.lv")
    written(draw, "old@x.lv")
    listed(draw, "old@x.lv")
    listed(draw, "new@x.lv")
    assert planned("action, email, leaves_old_behind") == [("update", "new@x.lv", True)]


def test_an_old_address_that_somebody_else_speaks_for_stays(draw, planned):
    contact(draw, "new@x.lv")
    draw("resolve.winners", """
        email
        old@x.lv
    """)  # fmt: skip
    written(draw, "old@x.lv")
    listed(draw, "old@x.lv")
    listed(draw, "new@x.lv")
    assert planned("action, email, leaves_old_behind") == [("update", "new@x.lv", False)]


def test_a_new_address_beside_an_old_one_that_stays_is_created(draw, planned):
    contact(draw, "new@x.lv")
    draw("resolve.winners", """
        email
        old@x.lv
    """)  # fmt: skip
    written(draw, "old@x.lv")
    listed(draw, "old@x.lv")
    assert planned("action, email") == [("create", "new@x.lv")]


@pytest.mark.parametrize("status", ["unsubscribed", "bounced", "inactive"])
def test_an_old_address_that_is_not_subscribed_is_never_removed(status, draw, planned):
    contact(draw, "new@x.lv")
    written(draw, "old@x.lv")
    listed(draw, "old@x.lv", status)
    listed(draw, "new@x.lv")
    assert planned("action, leaves_old_behind") == [("update", False)]


@pytest.mark.parametrize("status", ["unsubscribed", "bounced", "inactive"])
def test_a_member_that_is_not_subscribed_is_not_touched(status, draw, planned):
    contact(draw)
    wants(draw, FNAME="Anna")
    written(draw, FNAME="Ann")
    listed(draw, status=status)
    assert planned("action, after, reason") == [("skip", None, f"is {status} on the list")]


def test_somebody_barred_is_skipped_with_the_reason(draw, planned):
    contact(draw)
    draw("resolve.consent", """
        contact_id | kind         | reason
        ann        | unsubscribed | has unsubscribed
    """)  # fmt: skip
    assert planned("action, reason") == [("skip", "has unsubscribed")]


def test_somebody_barred_is_not_moved_to_a_new_address(draw, planned):
    contact(draw, "new@x.lv")
    written(draw, "old@x.lv")
    listed(draw, "old@x.lv", "unsubscribed")
    draw("resolve.consent", """
        contact_id | kind         | reason
        ann        | unsubscribed | has unsubscribed
    """)  # fmt: skip
    assert planned("action, reason") == [("skip", "has unsubscribed")]


def test_somebody_barred_who_is_subscribed_by_an_own_act_is_updated(draw, planned):
    contact(draw)
    listed(draw)
    draw("resolve.consent", """
        contact_id | kind         | reason
        ann        | unsubscribed | has unsubscribed
    """)  # fmt: skip
    assert planned("action") == [("update",)]


def test_a_member_removed_by_hand_is_not_put_back(draw, planned):
    contact(draw)
    written(draw)
    draw("staging.syncline__removed", """
        email
        ann@x.lv
    """)  # fmt: skip
    assert planned("action, reason") == [("skip", "was removed from the list by hand")]


def test_a_contact_nobody_selects_keeps_its_values_and_loses_the_source(draw, planned):
    contact(draw, is_selected="false", bots="[]")
    written(draw, FNAME="Ann")
    listed(draw)
    rows = planned("action, changed, after ->> '$.merges.FNAME', after ->> '$.merges.SOURCE'")
    assert rows == [("update", ["SOURCE"], "Ann", "")]


def test_a_contact_that_lost_its_source_is_left_alone_from_then_on(draw, planned):
    contact(draw, is_selected="false", bots="[]")
    written(draw, SOURCE="")
    listed(draw)
    assert planned("action") == []


def test_a_contact_nobody_selects_and_we_never_wrote_is_not_planned(draw, planned):
    contact(draw, is_selected="false", bots="[]")
    listed(draw)
    assert planned("action") == []


def test_of_two_bots_the_paused_one_loses_its_part_of_the_source(draw, planned):
    contact(draw, bots="[all]")
    written(draw, SOURCE="Pipedrive¦all¦vip")
    listed(draw)
    assert planned("after ->> '$.merges.SOURCE'") == [("Pipedrive|all",)]


def test_a_suspended_bot_keeps_its_part_of_the_source(draw, planned):
    contact(draw, bots="[all]")
    written(draw, SOURCE="Pipedrive¦all¦vip")
    listed(draw)
    draw("staging.syncline__bots", """
        bot_id | is_active | is_suspended
        vip    | false     | true
    """)  # fmt: skip
    assert planned("action") == []


def test_whoever_only_a_suspended_bot_had_selected_keeps_the_whole_source(draw, planned):
    contact(draw, bots="[]", is_selected="false")
    written(draw, SOURCE="Pipedrive¦vip")
    listed(draw)
    draw("staging.syncline__bots", """
        bot_id | is_active | is_suspended
        vip    | false     | true
    """)  # fmt: skip
    assert planned("action") == []


def test_a_person_confirmed_gone_is_deleted(draw, planned):
    contact(draw, is_selected="false", bots="[]", is_gone="true")
    written(draw)
    listed(draw)
    assert planned("action, after, before ->> '$.email'") == [("delete", None, "ann@x.lv")]


def test_a_person_gone_whose_address_somebody_else_has_is_forgotten_not_deleted(draw, planned):
    contact(draw, is_selected="false", bots="[]", is_gone="true")
    written(draw)
    listed(draw)
    draw("resolve.winners", """
        email
        ann@x.lv
    """)  # fmt: skip
    assert planned("action, after") == [("forget", None)]


def test_somebody_barred_lets_go_of_an_old_place_that_another_contact_takes(draw, planned):
    contact(draw, "barred@x.lv")
    written(draw, "old@x.lv")
    listed(draw, "old@x.lv")
    listed(draw, "barred@x.lv", "unsubscribed")
    draw("resolve.winners", """
        email
        old@x.lv
    """)  # fmt: skip
    rows = planned("action, after, reason")
    assert rows == [("forget", None, "another contact has the place on the list now")]


def test_a_contact_nobody_selects_never_takes_the_source_of_another(draw, planned):
    contact(draw, "barred@x.lv", is_selected="false", bots="[]")
    written(draw, "old@x.lv")
    listed(draw, "old@x.lv")
    draw("resolve.winners", """
        email
        old@x.lv
    """)  # fmt: skip
    assert planned("action, after") == [("forget", None)]


def test_a_person_gone_who_is_off_the_list_already_is_forgotten(draw, planned):
    contact(draw, is_selected="false", bots="[]", is_gone="true")
    written(draw)
    assert planned("action, reason") == [("forget", "already gone from the list")]


def test_a_merged_contact_without_an_address_is_deleted_at_the_one_it_was_written_to(draw, planned):
    contact(draw, email="", is_selected="false", bots="[]", is_gone="true")
    written(draw, "old@x.lv")
    listed(draw, "old@x.lv")
    assert planned("action, email") == [("delete", "old@x.lv")]


def test_the_key_of_a_member_names_account_list_and_contact(draw, planned):
    contact(draw)
    assert planned("write_key") == [("member|acme-list|News|ann",)]


@pytest.mark.parametrize(
    ("old", "status", "cost"),
    [("ann@x.lv", None, 0.01), ("ann@x.lv", "subscribed", 1), ("old@x.lv", "subscribed", 3)],
)
def test_the_cost_in_calls_is_told(old, status, cost, draw, planned):
    contact(draw)
    wants(draw, FNAME="Anna")
    if status:
        written(draw, old, FNAME="Ann")
        listed(draw, status=status)
        if old != "ann@x.lv":
            listed(draw, old)
    ((found,),) = planned("cost_calls")
    assert float(found) == cost


@pytest.mark.parametrize(
    ("was", "bots", "values", "reason", "is_source_only"),
    [
        ({"FNAME": "Ann"}, "[all]", {"FNAME": "Anna"}, "values changed in Pipedrive", False),
        ({"FNAME": "Ann"}, "[all]", {"FNAME": "Ann", "TIER": "Gold"}, "field added: TIER", False),
        ({"FNAME": "Ann"}, "[all]", {"FNAME": "Ann", "TIER": ""}, "field added: TIER", False),
        ({"FNAME": "Ann"}, "[all, vip]", {"FNAME": "Ann"}, "source changed: added vip", True),
        ({"FNAME": "Ann"}, "[vip]", {"FNAME": "Ann"},
         "source changed: added vip, removed all", True),
        ({"FNAME": "Ann", "OLD": "kept"}, "[all, vip]", {"FNAME": "Ann"},
         "source changed: added vip", True),
        ({"FNAME": "Ann"}, "[all, vip]", {"FNAME": "Anna", "TIER": "Gold"},
         "values changed in Pipedrive; field added: TIER; source changed: added vip", False),
    ],
)  # fmt: skip
def test_an_update_names_its_true_cause(draw, planned, was, bots, values, reason, is_source_only):
    """ALL-05, ALL-10: an added field, another source, or the person's own values."""
    contact(draw, bots=bots)
    wants(draw, **{tag: value or "''" for tag, value in values.items()})
    written(draw, **was)
    listed(draw)
    assert planned("action, reason, is_source_only") == [("update", reason, is_source_only)]


def test_an_update_of_what_somebody_edited_on_the_list_does_not_blame_pipedrive(draw, planned, db):
    """ALL-05, ALL-10"""
    contact(draw)
    wants(draw, FNAME="Ann")
    written(draw, FNAME="edited")
    listed(draw)
    db.execute("UPDATE staging.syncline__members SET is_verified = TRUE")
    assert planned("reason") == [("the list holds other values than Pipedrive",)]
