"""Which address a person is synced by, and which person speaks for an address (MG-07 to MG-09)."""

import pytest


def test_only_the_address_flagged_primary_is_used(draw, built):
    draw("resolve.selected", """
        bot_id | person_id_pipedrive
        all    | 1
    """)  # fmt: skip
    draw("staging.pipedrive__person_emails", """
        person_id_pipedrive | position | email      | is_primary
        1                   | 1        | old@x.lv   | false
        1                   | 2        | ann@x.lv   | true
    """)  # fmt: skip
    assert built("resolve.addresses", "email, skip_reason") == [("ann@x.lv", None)]


def test_with_no_address_flagged_the_first_is_used(draw, built):
    draw("resolve.selected", """
        bot_id | person_id_pipedrive
        all    | 1
    """)  # fmt: skip
    draw("staging.pipedrive__person_emails", """
        person_id_pipedrive | position | email
        1                   | 2        | second@x.lv
        1                   | 1        | first@x.lv
    """)  # fmt: skip
    assert built("resolve.addresses", "email") == [("first@x.lv",)]


def test_a_person_without_an_address_is_skipped_with_that_reason(draw, built):
    draw("resolve.selected", """
        bot_id | person_id_pipedrive
        all    | 1
    """)  # fmt: skip
    assert built("resolve.addresses", "email, skip_reason") == [(None, "no e-mail address")]


@pytest.mark.parametrize(
    "email", ["ann", "ann@x", "ann@x..lv", "a b@x.lv", "ann@x.lv,bob@x.lv", "@x.lv", "<ann@x.lv>"]
)
def test_an_unusable_first_address_is_not_replaced_by_a_second(email, draw, built):
    draw("resolve.selected", """
        bot_id | person_id_pipedrive
        all    | 1
    """)  # fmt: skip
    draw("staging.pipedrive__person_emails", f"""
        person_id_pipedrive | position | email
        1                   | 1        | {email}
        1                   | 2        | fine@x.lv
    """)  # fmt: skip
    assert built("resolve.addresses", "skip_reason") == [("first e-mail address is not usable",)]


@pytest.mark.parametrize("email", ["ann+news@mail.x.lv", "o'neil@x.lv", "ģirts@bērzs.lv"])
def test_an_unusual_address_is_still_usable(email, draw, built):
    draw("resolve.selected", """
        bot_id | person_id_pipedrive
        all    | 1
    """)  # fmt: skip
    draw("staging.pipedrive__person_emails", f"""
        person_id_pipedrive | email
        1                   | {email}
    """)  # fmt: skip
    assert built("resolve.addresses", "email, skip_reason") == [(email, None)]


def test_addresses_are_compared_in_lower_case_and_trimmed(db, built):
    db.execute(
        "CREATE OR REPLACE TABLE staging.pipedrive__persons AS SELECT 1 AS person_id_pipedrive, "
        "[{'value': ' Ann@X.lv ', 'primary': true}] AS emails"
    )
    assert built("staging.pipedrive__person_emails", "email, is_primary") == [("ann@x.lv", True)]


def test_a_suspended_bot_selects_nobody(draw, built):
    draw("staging.pipedrive__persons", """
        person_id_pipedrive
        1
    """)  # fmt: skip
    draw("staging.pipedrive__filter_members", """
        filter_id_pipedrive | person_id_pipedrive
        7                   | 1
        8                   | 1
    """)  # fmt: skip
    draw("staging.syncline__bots", """
        bot_id  | selection | filter_id_pipedrive | is_active | is_suspended
        all     | all       |                     | true      | false
        dead    | filter    | 7                   | false     | true
        living  | filter    | 8                   | true      | false
    """)  # fmt: skip
    assert built("resolve.selected", "bot_id") == [("all",), ("living",)]


def test_a_member_of_a_filter_that_was_not_received_is_not_selected(draw, built):
    draw("staging.pipedrive__filter_members", """
        filter_id_pipedrive | person_id_pipedrive
        7                   | 1
    """)  # fmt: skip
    draw("staging.syncline__bots", """
        bot_id | selection | filter_id_pipedrive
        one    | filter    | 7
    """)  # fmt: skip
    assert built("resolve.selected", "bot_id") == []


@pytest.fixture
def sharing(draw):
    """Persons 1, 2 and 3 are selected and share ann@x.lv."""
    draw("resolve.selected", """
        bot_id | person_id_pipedrive
        all    | 1
        all    | 2
        vip    | 2
        all    | 3
    """)  # fmt: skip
    draw("resolve.addresses", """
        person_id_pipedrive | email
        1                   | ann@x.lv
        2                   | ann@x.lv
        3                   | ann@x.lv
    """)  # fmt: skip


def test_of_persons_sharing_an_address_the_last_contacted_wins(sharing, draw, built):
    draw("staging.pipedrive__persons", """
        person_id_pipedrive | last_mail_at     | owner_id_pipedrive
        1                   | 2026-01-01       | 11
        2                   | 2026-02-01 08:00 | 12
        3                   | 2026-02-01 07:59 | 13
    """)  # fmt: skip
    winners = built("resolve.winners", "person_id_pipedrive, owner_id_pipedrive, sharing_count")
    assert winners == [(2, 12, 3)]


def test_the_winner_is_synced_for_its_own_bots(sharing, draw, built):
    draw("staging.pipedrive__persons", """
        person_id_pipedrive | last_mail_at
        1                   | 2026-01-01
        2                   | 2026-02-01
        3                   |
    """)  # fmt: skip
    assert built("resolve.winners", "bots") == [(["all", "vip"],)]


def test_an_activity_done_later_than_any_mail_decides(sharing, draw, built):
    draw("staging.pipedrive__persons", """
        person_id_pipedrive | last_mail_at | last_activity_id_pipedrive
        1                   | 2026-01-01   | 91
        2                   | 2026-02-01   | 92
        3                   |              |
    """)  # fmt: skip
    draw("staging.pipedrive__activities", """
        activity_id_pipedrive | done_at
        91                    | 2026-03-01
        92                    | 2026-01-15
    """)  # fmt: skip
    assert built("resolve.winners", "person_id_pipedrive") == [(1,)]


def test_a_person_never_contacted_loses_to_one_who_was(sharing, draw, built):
    draw("staging.pipedrive__persons", """
        person_id_pipedrive | last_mail_at
        1                   |
        2                   |
        3                   | 2020-01-01
    """)  # fmt: skip
    assert built("resolve.winners", "person_id_pipedrive") == [(3,)]


def test_a_tie_goes_to_the_lower_id(sharing, draw, built):
    draw("staging.pipedrive__persons", """
        person_id_pipedrive | last_mail_at
        3                   | 2026-02-01
        2                   | 2026-02-01
        1                   | 2026-01-01
    """)  # fmt: skip
    assert built("resolve.winners", "person_id_pipedrive") == [(2,)]


def test_a_person_who_is_skipped_wins_nothing(draw, built):
    draw("resolve.selected", """
        bot_id | person_id_pipedrive
        all    | 1
    """)  # fmt: skip
    draw("resolve.addresses", """
        person_id_pipedrive | email | skip_reason
        1                   | ann   | first e-mail address is not usable
    """)  # fmt: skip
    draw("staging.pipedrive__persons", """
        person_id_pipedrive
        1
    """)  # fmt: skip
    assert built("resolve.winners", "email") == []


@pytest.mark.parametrize("latest", ["last_incoming_mail_time", "last_outgoing_mail_time"])
def test_mail_of_either_direction_counts_as_contact(latest, db, built):
    other = {"last_incoming_mail_time": "last_outgoing_mail_time"}.get(
        latest, "last_incoming_mail_time"
    )
    body = f'{{"id": 1, "{latest}": "2026-02-01T10:00:00Z", "{other}": "2026-01-01T10:00:00Z"}}'
    db.execute("CREATE TABLE raw.pipedrive__persons AS SELECT ?::JSON AS body", [body])
    rows = built("staging.pipedrive__persons", "last_mail_at::VARCHAR")
    assert rows == [("2026-02-01 10:00:00",)]


def test_only_an_activity_marked_done_counts_and_by_the_time_it_was_done(db, built):
    db.execute("CREATE TABLE raw.pipedrive__activities (body JSON)")
    db.execute(
        """INSERT INTO raw.pipedrive__activities VALUES
        ('{"id": 1, "done": true, "due_date": "2027-01-01",
           "marked_as_done_time": "2026-02-01 10:00:00"}'),
        ('{"id": 2, "done": false, "due_date": "2027-01-01", "marked_as_done_time": null}')"""
    )
    rows = built("staging.pipedrive__activities", "activity_id_pipedrive, done_at::VARCHAR")
    assert rows == [(1, "2026-02-01 10:00:00")]
