"""Each audit returns the guilty rows of a bad sample and nothing of a good one."""

import pytest

from pipelines.mailigen_pipedrive.sweep import SYNC
from transforms.build import audits, build

SAMPLES = {
    "campaigns_are_known": (
        [("resolve.contact_events", "campaign_id_mailigen\nk9")],
        [
            ("resolve.contact_events", "campaign_id_mailigen\nk1"),
            ("staging.mailigen__campaigns", "campaign_id_mailigen\nk1"),
        ],
    ),
    "contacts_have_an_owner": (
        [("plan.activities", "contact_id | owner_id_pipedrive\nann |")],
        [("plan.activities", "contact_id | owner_id_pipedrive\nann | 11")],
    ),
    "keys_are_unique": (
        [("plan.activities", "write_key\nsame"), ("plan.deals", "write_key\nsame")],
        [
            ("plan.activities", "write_key\none"),
            ("plan.deals", "write_key\ntwo"),
            ("plan.notes", "write_key\nthree"),
            ("plan.members", "write_key\nfour"),
        ],
    ),
    "nobody_of_ours_is_imported": (
        [
            ("plan.persons", "subject | action | email\nn1 | create | a@x.lv"),
            ("staging.syncline__places", "email | is_held\na@x.lv | true"),
        ],
        [
            ("plan.persons", "subject | action | email\nn1 | create | a@x.lv\nn2 | link | b@x.lv"),
            ("staging.syncline__places", "email | is_held\na@x.lv | false"),
            ("staging.pipedrive__holders", "email | person_id_pipedrive\nb@x.lv | 1"),
        ],
    ),
    "one_member_per_address": (
        [
            (
                "plan.members",
                "contact_id | action | email\nann | create | a@x.lv\nbob | move | a@x.lv",
            )
        ],
        [
            (
                "plan.members",
                "contact_id | action | email\nann | create | a@x.lv\n"
                "bob | delete | a@x.lv\ncid | skip | a@x.lv",
            )
        ],
    ),
    "values_fit_the_list": (
        [("resolve.field_values", f"contact_id | merge_tag | value\nann | JOB | {'x' * 255}")],
        [("resolve.field_values", f"contact_id | merge_tag | value\nann | JOB | {'x' * 254}")],
    ),
    "deletes_are_confirmed": (
        [
            ("plan.members", "contact_id | action\nann | delete"),
            ("resolve.contacts", "contact_id | person_id_pipedrive\nann | 1"),
        ],
        [
            ("plan.members", "contact_id | action\nann | delete"),
            ("resolve.contacts", "contact_id | person_id_pipedrive\nann | 1"),
            ("staging.pipedrive__confirmations", "person_id_pipedrive | is_gone\n1 | true"),
        ],
    ),
    "nobody_barred_is_subscribed": (
        [
            ("plan.members", 'contact_id | action | after\nann | create | {"email": "a@x.lv"}'),
            ("staging.syncline__consent", "email | kind\na@x.lv | unsubscribed"),
        ],
        [
            ("plan.members", 'contact_id | action | after\nann | create | {"email": "b@x.lv"}'),
            ("staging.syncline__consent", "email | kind\na@x.lv | unsubscribed"),
        ],
    ),
}


def guilty(db, name):
    return db.execute(audits(SYNC)[name]).fetchall()


@pytest.fixture
def sampled(draw):
    def put(sample):
        for table, text in sample:
            draw(table, text)

    return put


def test_every_audit_has_a_good_and_a_bad_sample():
    assert SAMPLES.keys() == audits(SYNC).keys()


@pytest.mark.parametrize("name", SAMPLES)
def test_an_audit_catches_its_bad_sample(name, db, sampled):
    sampled(SAMPLES[name][0])
    assert len(guilty(db, name)) == 1


@pytest.mark.parametrize("name", SAMPLES)
def test_an_audit_is_silent_on_its_good_sample(name, db, sampled):
    sampled(SAMPLES[name][1])
    assert guilty(db, name) == []


@pytest.mark.parametrize("name", SAMPLES)
def test_an_audit_is_silent_when_there_is_nothing(name, db):
    assert guilty(db, name) == []


def test_a_person_who_is_only_missing_does_not_confirm_a_delete(db, sampled):
    sampled(SAMPLES["deletes_are_confirmed"][0])
    sampled([("staging.pipedrive__confirmations", "person_id_pipedrive | is_gone\n1 | false")])
    assert guilty(db, "deletes_are_confirmed") == [("ann",)]


def test_a_merge_in_this_sweep_or_an_earlier_one_confirms_a_delete(db, sampled):
    sampled(
        [
            ("plan.members", "contact_id | action\nann | delete\nbob | delete"),
            ("resolve.contacts", "contact_id | person_id_pipedrive\nann | 1\nbob | 2"),
            (
                "resolve.identity",
                "contact_id | from_contact_id | decision\ncid | ann | merge",
            ),
            ("staging.syncline__contacts", "contact_id | merged_into\nbob | cid"),
        ]
    )
    assert guilty(db, "deletes_are_confirmed") == []


@pytest.mark.parametrize("status", ["unsubscribed", "bounced", "inactive"])
def test_putting_somebody_back_whom_the_list_shows_as_out_is_caught(status, db, sampled):
    sampled(
        [
            ("plan.members", 'contact_id | action | after\nann | move | {"email": "a@x.lv"}'),
            ("staging.mailigen__members", f"email | status\na@x.lv | {status}"),
        ]
    )
    assert guilty(db, "nobody_barred_is_subscribed") == [("ann",)]


def test_updating_a_subscriber_bars_nobody(db, sampled):
    sampled(
        [
            ("plan.members", 'contact_id | action | after\nann | update | {"email": "a@x.lv"}'),
            ("staging.mailigen__members", "email | status\na@x.lv | subscribed"),
        ]
    )
    assert guilty(db, "nobody_barred_is_subscribed") == []


def test_everybody_left_out_is_listed_with_an_id_and_a_reason(db, draw):
    draw("resolve.addresses", """
        person_id_pipedrive | email    | skip_reason
        1                   |          | no e-mail address
        2                   | ann@x.lv |
        3                   | ann@x.lv |
    """)  # fmt: skip
    draw("resolve.winners", """
        email    | person_id_pipedrive
        ann@x.lv | 3
    """)  # fmt: skip
    draw("plan.members", """
        contact_id | action | reason
        ann        | skip   | has unsubscribed
        bob        | create | selected by all
    """)  # fmt: skip
    build(db, SYNC, "plan.skipped")
    assert db.execute("FROM plan.skipped ORDER BY ALL").fetchall() == [
        ("contact", "ann", "has unsubscribed"),
        ("person", "1", "no e-mail address"),
        ("person", "2", "another person with the same address was contacted later"),
    ]
