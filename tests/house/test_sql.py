"""style.md for SQL: every query keeps every rule, and every rule catches its bad sample."""

from collections.abc import Callable

import pytest
from house import sql_rules as rules
from house.tree import ending, text_of

Rule = Callable[[str, str], list[str]]

MODEL = "transforms/acme/resolve/contacts.sql"
AUDIT = "transforms/acme/audits/no_mass_delete.sql"
HEADER = "-- One row per contact.\n--\n-- key     email\n-- reads   raw.a\n-- rule    None.\n\n"
GOOD = HEADER + "SELECT a.email FROM raw.a AS a"

ALL: list[Rule] = [
    rules.long_query,
    rules.misplaced,
    rules.headless,
    rules.wrong_reads,
    rules.unreadable,
    rules.templated,
    rules.joined_using,
    rules.unlisted_columns,
    rules.banned_table,
]


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.__name__)
def test_every_query_keeps_the_rule(rule: Rule) -> None:
    found = [finding for path in ending(".sql") for finding in rule(path, text_of(path))]
    assert not found, "\n".join([str(rule.__doc__), *found])


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.__name__)
def test_a_good_query_passes_every_rule(rule: Rule) -> None:
    assert not rule(MODEL, GOOD)
    assert not rule("transforms/staging/pipedrive__persons.sql", GOOD.replace("-- rule", "--"))
    assert not rule(AUDIT, "-- STOP: too many.\n\nSELECT * FROM plan.members")


@pytest.mark.parametrize(
    ("rule", "path", "bad"),
    [
        (rules.long_query, MODEL, GOOD + "\n" * 120),
        (rules.misplaced, "transforms/contacts.sql", GOOD),
        (rules.misplaced, "transforms/staging/persons.sql", GOOD),
        (rules.misplaced, "transforms/acme/marts/contacts.sql", GOOD),
        (rules.misplaced, "transforms/acme/resolve/Contacts.sql", GOOD),
        (rules.headless, MODEL, "SELECT 1"),
        (rules.headless, MODEL, GOOD.replace("-- key ", "-- keys")),
        (rules.headless, MODEL, GOOD.replace("-- rule", "-- rues")),
        (rules.headless, AUDIT, GOOD),
        (rules.wrong_reads, MODEL, GOOD + " INNER JOIN raw.b AS b ON b.email = a.email"),
        (rules.wrong_reads, MODEL, GOOD.replace("reads   raw.a", "reads   raw.a, raw.b")),
        (rules.unreadable, MODEL, HEADER + "SELECT FROM WHERE"),
        (rules.unreadable, MODEL, GOOD + "; SELECT 1"),
        (rules.unreadable, MODEL, HEADER + "CREATE TABLE resolve.contacts AS SELECT 1 AS a"),
        (rules.unreadable, MODEL, HEADER + "DELETE FROM raw.a"),
        (rules.templated, MODEL, GOOD.replace("raw.a AS", "{{ table }} AS")),
        (rules.templated, MODEL, GOOD + " WHERE a.email = ?"),
        (rules.templated, MODEL, GOOD + " WHERE a.email = $email"),
        (rules.joined_using, MODEL, GOOD + " INNER JOIN raw.b AS b USING (email)"),
        (rules.unlisted_columns, MODEL, HEADER + "SELECT * FROM raw.a"),
        (rules.unlisted_columns, MODEL, HEADER + "SELECT a.* FROM raw.a AS a"),
        (rules.unlisted_columns, MODEL, HEADER + "SELECT * EXCLUDE (b) FROM raw.a"),
        (rules.banned_table, "transforms/acme/resolve/contact_data.sql", GOOD),
    ],
)
def test_the_rule_catches_its_bad_query(rule: Rule, path: str, bad: str) -> None:
    assert rule(path, bad)
