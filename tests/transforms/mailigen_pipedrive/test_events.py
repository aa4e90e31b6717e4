"""Engagement counted once: increments of what Mailigen counts, and whose they are (MG-14, MG-18)."""

import duckdb
import pytest

from pipelines.mailigen_pipedrive.seen_first import EVENT_KEY
from transforms.build import count_up, sql_of

FEEDS = ("reads", "opens", "not_opened", "clicks", "bounces")


def received(db, **feeds):
    """Put bodies into raw.mailigen__*; a feed not given is empty."""
    for name in FEEDS:
        db.execute(f"CREATE OR REPLACE TABLE raw.mailigen__{name} (body JSON)")
        for body in feeds.get(name, ()):
            db.execute(f"INSERT INTO raw.mailigen__{name} VALUES (?)", [body])


def reads(*kinds, sweep=5):
    return [f'{{"campaign_id": "k1", "kind": "{kind}", "sweep": {sweep}}}' for kind in kinds]


def test_everything_seen_for_the_first_time_is_an_increment(draw, built):
    draw("staging.mailigen__engagement", """
        campaign_id_mailigen | email    | kind | times
        k1                   | ann@x.lv | open | 3
    """)  # fmt: skip
    assert built("history.events", "campaign, email, kind, times") == [
        ("k1", "ann@x.lv", "open", 3)
    ]


def increments(db):
    query = sql_of("mailigen_pipedrive", "history.events")
    return db.execute(f"SELECT kind, link, sweep, times FROM ({query}) ORDER BY ALL").fetchall()


def test_a_count_that_grew_is_an_increment_of_the_difference(db, draw):
    draw("history.events", """
        email    | sweep | times
        ann@x.lv | 1     | 2
        ann@x.lv | 3     | 1
    """)  # fmt: skip
    draw("staging.mailigen__engagement", """
        campaign_id_mailigen | email    | kind | sweep | times
        k1                   | ann@x.lv | open | 5     | 7
    """)  # fmt: skip
    assert increments(db) == [("open", "", 5, 4)]


def test_what_one_sweep_sees_twice_is_one_event_that_grew(db, draw):
    """MG-18: a sweep that died after it remembered remembers what came meanwhile as well."""
    engagement = """
        campaign_id_mailigen | email    | kind  | link | sweep | times
        k1                   | ann@x.lv | open  | ''   | 5     | {opened}
        k1                   | bob@x.lv | click | /a   | 5     | 1
    """

    def remembered(opened):
        db.execute("DELETE FROM staging.mailigen__engagement")
        draw("staging.mailigen__engagement", engagement.format(opened=opened))
        return count_up(db, "mailigen_pipedrive", "history.events", EVENT_KEY, "times")

    assert [remembered(opened) for opened in (2, 2, 5)] == [2, 0, 1]
    assert db.execute(
        "SELECT email, kind, link, sweep, times FROM history.events ORDER BY ALL"
    ).fetchall() == [("ann@x.lv", "open", "", 5, 5), ("bob@x.lv", "click", "/a", 5, 1)]


def test_a_count_read_again_unchanged_is_no_event(db, draw):
    draw("history.events", """
        email    | sweep | times
        ann@x.lv | 1     | 2
    """)  # fmt: skip
    draw("staging.mailigen__engagement", """
        campaign_id_mailigen | email    | kind | times
        k1                   | ann@x.lv | open | 2
    """)  # fmt: skip
    assert increments(db) == []


def test_a_count_that_shrank_and_grows_again_counts_only_beyond_its_highest(db, draw):
    draw("history.events", """
        email    | sweep | times
        ann@x.lv | 1     | 5
    """)  # fmt: skip
    draw("staging.mailigen__engagement", """
        campaign_id_mailigen | email    | kind | times
        k1                   | ann@x.lv | open | 3
    """)  # fmt: skip
    assert increments(db) == []
    db.execute("UPDATE staging.mailigen__engagement SET times = 6, sweep = 6")
    assert increments(db) == [("open", "", 6, 1)]


def test_each_link_of_a_campaign_is_counted_by_itself(db, draw):
    draw("history.events", """
        email    | kind  | link     | sweep | times
        ann@x.lv | click | x.lv/one | 1     | 2
    """)  # fmt: skip
    draw("staging.mailigen__engagement", """
        campaign_id_mailigen | email    | kind  | link     | sweep | times
        k1                   | ann@x.lv | click | x.lv/one | 5     | 3
        k1                   | ann@x.lv | click | x.lv/two | 5     | 1
    """)  # fmt: skip
    assert increments(db) == [("click", "x.lv/one", 5, 1), ("click", "x.lv/two", 5, 1)]


def test_a_kind_asked_for_later_counts_as_seen_when_its_campaign_was(db, draw):
    draw("staging.mailigen__engagement", """
        campaign_id_mailigen | email    | kind | sweep | times
        k1                   | ann@x.lv | send | 2     | 1
    """)  # fmt: skip
    assert increments(db) == [("send", "", 2, 1)]


def test_clicks_are_summed_per_link_and_keep_the_latest_date(db, built):
    received(
        db,
        reads=reads("click"),
        clicks=[
            '{"campaign_id": "k1", "email": "Ann@x.lv", "link": "x.lv", "date": "2026-11-01"}',
            '{"campaign_id": "k1", "email": "ann@x.lv", "link": "x.lv", "date": "2026-11-02"}',
            '{"campaign_id": "k1", "email": "ann@x.lv", "link": "y.lv", "date": "2026-11-01"}',
        ],
    )
    rows = built("staging.mailigen__engagement", "email, link, times, happened_at::DATE::VARCHAR")
    assert rows == [("ann@x.lv", "x.lv", 2, "2026-11-02"), ("ann@x.lv", "y.lv", 1, "2026-11-01")]


def test_whoever_opened_did_not_open_clicked_or_bounced_was_sent_to_once(db, built):
    received(
        db,
        reads=reads("send"),
        opens=['{"campaign_id": "k1", "email": "a@x.lv", "count": 9}'],
        not_opened=['{"campaign_id": "k1", "email": "b@x.lv"}'],
        clicks=['{"campaign_id": "k1", "email": "a@x.lv", "link": "x.lv"}'],
        bounces=['{"campaign_id": "k1", "email": "c@x.lv", "type": "hard"}'],
    )
    rows = built("staging.mailigen__engagement", "email, kind, times")
    assert rows == [("a@x.lv", "send", 1), ("b@x.lv", "send", 1), ("c@x.lv", "send", 1)]


def test_every_kind_of_bounce_of_one_mail_is_one_bounce(db, built):
    received(
        db,
        reads=reads("bounce"),
        bounces=[
            '{"campaign_id": "k1", "email": "c@x.lv", "type": "soft"}',
            '{"campaign_id": "k1", "email": "c@x.lv", "type": "hard"}',
        ],
    )
    assert built("staging.mailigen__engagement", "kind, times") == [("bounce", 1)]


def test_a_kind_nobody_asked_for_is_left_out(db, built):
    received(
        db,
        reads=reads("send"),
        opens=['{"campaign_id": "k1", "email": "a@x.lv", "count": 9}'],
    )
    assert built("staging.mailigen__engagement", "kind") == [("send",)]


def test_of_two_statuses_of_one_address_the_most_restrictive_counts(db, built):
    db.execute("CREATE TABLE raw.mailigen__members (body JSON)")
    for status in ("subscribed", "unsubscribed"):
        db.execute(
            "INSERT INTO raw.mailigen__members VALUES (?)",
            [f'{{"email": "Ann@x.lv", "status": "{status}"}}'],
        )
    assert built("staging.mailigen__members", "email, status") == [("ann@x.lv", "unsubscribed")]


def test_an_event_belongs_to_whoever_held_the_address_in_its_sweep(draw, built):
    draw("resolve.holdings", """
        contact_id | email    | from_sweep | until_sweep
        first      | ann@x.lv | 0          | 3
        second     | ann@x.lv | 3          |
    """)  # fmt: skip
    draw("history.events", """
        email    | sweep
        ann@x.lv | 2
        ann@x.lv | 3
    """)  # fmt: skip
    assert built("resolve.contact_events", "contact_id, sweep") == [("first", 2), ("second", 3)]


def test_events_of_contacts_are_a_view_where_an_earlier_version_made_a_table(db, built):
    kind = "SELECT table_type FROM information_schema.tables WHERE table_name = 'contact_events'"
    assert db.execute(kind).fetchall() == [("BASE TABLE",)]
    for _ in range(2):
        built("resolve.contact_events", "contact_id")
        assert db.execute(kind).fetchall() == [("VIEW",)]


def test_a_model_is_made_where_another_version_made_a_view_of_it(db, built):
    db.execute("DROP TABLE resolve.heirs; CREATE VIEW resolve.heirs AS SELECT 1 AS a")
    assert built("resolve.heirs", "contact_id") == []


def test_a_view_that_cannot_be_made_takes_nothing_away(db, built):
    db.execute("DROP TABLE resolve.holdings")
    with pytest.raises(duckdb.CatalogException, match="holdings"):
        built("resolve.contact_events", "contact_id")
    assert db.execute("SELECT count(*) FROM resolve.contact_events").fetchall() == [(0,)]


def test_events_at_a_former_address_stay_with_the_contact(draw, built):
    draw("resolve.holdings", """
        contact_id | email
        ann        | old@x.lv
        ann        | new@x.lv
    """)  # fmt: skip
    draw("history.events", """
        email    | sweep
        old@x.lv | 4
        new@x.lv | 4
    """)  # fmt: skip
    assert built("resolve.contact_events", "contact_id, email") == [
        ("ann", "new@x.lv"),
        ("ann", "old@x.lv"),
    ]


def test_a_fork_carries_the_events_from_before_it(life, db, built):
    stays = life.sweep({"a@x.lv": 1}).contacts["a@x.lv"]
    leaves = life.sweep({"a@x.lv": 2, "b@x.lv": 1}).contacts["b@x.lv"]
    db.execute("INSERT INTO history.events (campaign, email, sweep) VALUES ('k1', 'a@x.lv', 1)")
    db.execute("INSERT INTO history.events (campaign, email, sweep) VALUES ('k2', 'a@x.lv', 2)")
    rows = built("resolve.contact_events", "contact_id, campaign_id_mailigen")
    assert set(rows) == {(stays, "k1"), (leaves, "k1"), (stays, "k2")}
    assert len(rows) == 3
    held = set(built("resolve.contact_events", "campaign_id_mailigen, contact_id, held_by"))
    assert {("k1", leaves, stays), ("k1", stays, None), ("k2", stays, None)} == held


def test_an_event_of_an_address_nobody_ever_held_belongs_to_nobody(draw, built):
    draw("history.events", """
        email         | sweep
        stranger@x.lv | 4
    """)  # fmt: skip
    assert built("resolve.contact_events", "contact_id") == []
