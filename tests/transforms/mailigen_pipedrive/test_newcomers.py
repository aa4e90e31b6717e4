"""Who joined since the import was switched on, and what becomes of them (resolve, plan.persons)."""

from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from pipelines.mailigen_pipedrive.sweep import SYNC
from transforms.build import append, build

Draw = Callable[[str, str], None]
Built = Callable[[str, str], list[tuple[Any, ...]]]
# The sweep that is on is number 5; the import began with sweep 3.
BEGUN = "from_sweep | list_id | key_fingerprint | read_at\n3 | l1 | k | 2026-11-02 07:00"
STRETCH = "email | from_sweep | until_sweep | absent_at | first_seen_at"
SEEN = "2026-11-02 07:00 | 2026-11-02 08:00"


@pytest.fixture
def on(db: duckdb.DuckDBPyConnection, draw: Draw) -> None:
    """The import is on; the list may show a write five minutes late."""
    draw("staging.syncline__new_subscribers", "owner_id_pipedrive | horizon_seconds\n11 | 300")
    draw("history.imports", BEGUN)


def newcomer(draw: Draw, **more: str) -> None:
    """One newcomer, and nothing else known of her."""
    draw(
        "resolve.newcomers",
        "email | from_sweep | bar | subject | create_key | link_key\n"
        f"nora@x.lv | 4 | {more.get('bar', '')} | n1 | person¦k | link¦k",
    )


@pytest.mark.parametrize(
    ("stretches", "who"),
    [
        (["4 | "], "joined after the sweep that switched it on"),
        (["3 | "], ""),
        (["1 | "], ""),
        (["3 | 4", "5 | "], "was subscribed then, left, and joined again"),
        (["1 | 3", "4 | "], "had left by then"),
        (["4 | 5"], ""),
    ],
)
@pytest.mark.usefixtures("on")
def test_new_is_who_subscribed_after_the_import_was_switched_on(
    draw: Draw, built: Built, stretches: list[str], who: str
) -> None:
    """MG-22."""
    draw("staging.mailigen__members", "email\nnora@x.lv")
    rows = [f"nora@x.lv | {stretch} | {SEEN}" for stretch in stretches]
    draw("history.arrivals", "\n".join([STRETCH, *rows]))

    assert built("resolve.joined", "email") == ([("nora@x.lv",)] if who else [])


@pytest.mark.parametrize("status", ["unsubscribed", "bounced", "inactive"])
@pytest.mark.usefixtures("on")
def test_who_is_not_subscribed_now_is_nobody_new(draw: Draw, built: Built, status: str) -> None:
    """MG-22, ALL-08"""
    draw("staging.mailigen__members", f"email | status\nnora@x.lv | {status}")
    draw("history.arrivals", f"{STRETCH}\nnora@x.lv | 4 | | {SEEN}")

    assert built("resolve.joined", "email") == []


@pytest.mark.parametrize(
    ("place", "is_new"),
    [
        ("true | 2026-11-01 00:00 | ", False),
        ("false | 2026-11-02 07:54 | ", True),
        ("false | 2026-11-02 07:56 | ", False),  # the list may have shown it for as long
        ("false | 2026-11-02 08:30 | ", False),  # since: the list shows what was
        ("false | 2026-11-01 00:00 | 2026-11-02 06:54", True),
        ("false | 2026-11-01 00:00 | 2026-11-02 06:56", False),  # may have arrived unseen
    ],
)
@pytest.mark.usefixtures("on")
def test_an_address_that_a_place_of_ours_explains_is_not_new(
    draw: Draw, built: Built, place: str, is_new: bool
) -> None:
    """MG-24: held, given up too lately, or subject to a write that may come late."""
    draw("staging.mailigen__members", "email\nnora@x.lv")
    draw("history.arrivals", f"{STRETCH}\nnora@x.lv | 4 | | {SEEN}")
    draw(
        "staging.syncline__places",
        f"contact_id | email | is_held | settled_at | doubt_at\nc1 | nora@x.lv | {place}",
    )

    assert bool(built("resolve.joined", "email")) is is_new


@pytest.mark.parametrize(
    ("key", "state", "is_open"),
    [
        ("person", "done", False), ("person", "unknown", False), ("person", "sending", False),
        ("link", "done", False), ("person", "planned", True), ("person", "refused", True),
    ],
)  # fmt: skip
def test_an_address_is_imported_once_for_ever(
    draw: Draw, built: Built, key: str, state: str, is_open: bool
) -> None:
    """MG-22, ALL-06: what was not sent is decided anew, what may have been is not."""
    draw("resolve.joined", "email | from_sweep\nnora@x.lv | 4")
    draw("staging.syncline__joined", "email | address_hash\nnora@x.lv | abc")
    draw("staging.syncline__deeds", f"write_key | state\n{key}¦acme-crm¦acme¦abc | {state}")

    assert bool(built("resolve.newcomers", "email")) is is_open


@pytest.mark.usefixtures("on")
def test_a_person_gets_the_values_of_the_form_and_the_owner(draw: Draw, built: Built) -> None:
    """MG-22"""
    newcomer(draw)
    draw(
        "staging.mailigen__newcomers",
        "email | status | shown_email | first_name | last_name | phone | source\n"
        "nora@x.lv | subscribed | Nora@x.lv | Nora | New | 123 | ''",
    )

    columns = "action, write_key, shown_email, name, phone, owner_id_pipedrive, cost_tokens"
    assert built("plan.persons", columns) == [
        ("create", "person|k", "Nora@x.lv", "Nora New", "123", 11, 5)
    ]


@pytest.mark.usefixtures("on")
def test_the_oldest_of_those_who_have_the_address_is_linked(draw: Draw, built: Built) -> None:
    """MG-22: whichever reading showed them."""
    newcomer(draw)
    draw(
        "staging.pipedrive__holders",
        "email | person_id_pipedrive\nnora@x.lv | 9\nnora@x.lv | 10",
    )
    draw("staging.pipedrive__person_emails", "person_id_pipedrive | email\n8 | nora@x.lv")

    assert built("plan.persons", "action, write_key, person_id_pipedrive") == [
        ("link", "link|k", 8)
    ]


@pytest.mark.parametrize(
    ("table", "drawn", "reason"),
    [
        (None, "forgotten", "was erased on request and stays erased"),
        (None, "removed", "has left the list before, and nothing shows that it came back"),
        ("staging.syncline__created", "email | sync\nnora@x.lv | b", "was a person that sync b"),
        ("staging.mailigen__newcomers", "email | status\nnora@x.lv |", "left the list while"),
        (
            "staging.mailigen__newcomers", "email | status\nnora@x.lv | unsubscribed",
            "left the list while",
        ),
        (
            "staging.mailigen__newcomers",
            "email | status | source\nnora@x.lv | subscribed | Pipedrive¦customers",
            "was put on the list by a sync",
        ),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("on")
def test_nobody_is_created_without_good_reason_and_the_skip_says_why(
    draw: Draw, built: Built, table: str | None, drawn: str, reason: str
) -> None:
    """MG-22, MG-24, ALL-10"""
    newcomer(draw, bar="" if table else drawn)
    if table:
        draw(table, drawn)

    ((action, said),) = built("plan.persons", "action, reason")

    assert action == "skip"
    assert said.startswith(reason)
    assert built("plan.skipped", "object, subject, reason") == [("newcomer", "n1", said)]


@pytest.mark.usefixtures("on")
def test_who_was_not_asked_for_yet_is_counted_and_marked(draw: Draw, built: Built) -> None:
    """ALL-07: the guard stops a run with too many; such a row is never sealed."""
    newcomer(draw)

    assert built("plan.persons", "action, is_read") == [("create", False)]


def test_switching_on_for_fifty_thousand_members_imports_none_of_them(
    db: duckdb.DuckDBPyConnection, draw: Draw
) -> None:
    """MG-22: the first reading is the baseline; who is subscribed later joined later."""
    draw("staging.syncline__new_subscribers", "owner_id_pipedrive | horizon_seconds\n11 | 300")
    db.execute(
        "INSERT INTO staging.mailigen__members SELECT 'p' || i || '@x.lv', "
        "['subscribed', 'unsubscribed', 'bounced', 'inactive'][1 + i % 4] FROM range(200000) AS r(i)"
    )
    db.execute("INSERT INTO history.imports VALUES (5, NULL, 'l1', 'k', NULL)")
    assert append(db, SYNC, "history.arrivals") == 50_000
    db.execute("UPDATE staging.syncline__sweep SET sweep = 6")
    db.execute("INSERT INTO staging.mailigen__members VALUES ('nora@x.lv', 'subscribed')")
    append(db, SYNC, "history.arrivals")

    build(db, SYNC, "resolve.joined")

    assert db.execute("SELECT email FROM resolve.joined").fetchall() == [("nora@x.lv",)]
