"""What a definition may say, and the sentence it is answered with when it may not."""

from typing import Any

import pytest
from pydantic import ValidationError

from pipelines.mailigen_pipedrive.config import Definition

CONSENT = {"confirmed_by": "ann@acme.example", "on": "2026-11-01"}


def definition(**changes: Any) -> Definition:
    sample: dict[str, Any] = {
        "kind": "mailigen_pipedrive",
        "name": "acme-newsletter",
        "schedule": {"every": "15m"},
        "connections": {"crm": "acme-pipedrive", "engagement": "acme-mailigen"},
        "list": {"title": "Newsletter", "create": True},
    }
    return Definition.model_validate(sample | changes)


def bot(**changes: Any) -> dict[str, Any]:
    return {"id": "customers", "contacts": "all", "consent": CONSENT} | changes


def warm(**changes: Any) -> dict[str, Any]:
    return {"id": "warm", "after": 3, "event": "open", "type": "call"} | changes


def hot(**changes: Any) -> dict[str, Any]:
    rule = {"id": "hot", "after": 2, "event": "click", "owner": "bob@acme.example"}
    return rule | {"pipeline": "Sales", "stage": "Qualified"} | changes


def test_a_bot_without_automations_is_valid():
    assert definition(bots=[bot()]).bots[0].rules == ()


def test_a_sync_without_bots_is_valid():
    assert definition().bots == ()


def test_name_and_email_need_not_be_listed_and_may_be():
    assert definition(fields={"person": ["Name", "email", "phone"]}).fields.person == ("phone",)


def test_a_filter_is_named_by_title_or_id():
    by_title = definition(bots=[bot(contacts={"filter": "Customers EU"})])
    by_id = definition(bots=[bot(contacts={"filter": 12})])
    assert by_title.bots[0].contacts.filter == "Customers EU"
    assert by_id.bots[0].contacts.filter == 12


@pytest.mark.parametrize(
    ("line", "seconds"), [("10s", 10), ("15m", 900), ("2h", 7200), ("1d", 86400)]
)
def test_an_interval_is_a_number_and_a_unit(line, seconds):
    assert definition(schedule={"every": line}).schedule.seconds == seconds


@pytest.mark.parametrize(
    "cron", ["0 6 * * 1-5", "*/15 8-18 1,15 jan-mar MON", "0 0 * * 7", "5-55/10 * * * *"]
)
def test_ordinary_cron_lines_are_taken(cron):
    assert definition(schedule={"cron": cron, "timezone": "Europe/Riga"}).schedule.cron == cron


def test_the_nearest_word_on_counting_wins():
    said = definition(
        count_from="all_time",
        bots=[
            bot(
                activities=[warm(count_from="all_time"), warm(id="later")], count_from="activation"
            ),
            bot(id="others", activities=[warm()]),
        ],
    )
    near, others = said.bots
    assert said.count_from_of(near, near.rules[0]) == "all_time"
    assert said.count_from_of(near, near.rules[1]) == "activation"
    assert said.count_from_of(near) == "activation"
    assert said.count_from_of(others, others.rules[0]) == "all_time"


WRONG = [
    ({"bots": [bot(), bot()]}, "two bots have the id customers"),
    ({"bots": [bot(activities=[warm()], deals=[hot(id="warm")])]}, "two rules have the id warm"),
    ({"bots": [{"id": "x", "contacts": "all"}]}, "consent"),
    ({"bots": [{"id": "x", "consent": CONSENT}]}, "contacts"),
    ({"bots": [bot(contacts="some")]}, "'all'"),
    ({"bots": [bot(contacts={"filter": True})]}, "give a name in quotes or an id"),
    ({"bots": [bot(deals=[hot(event="send")])]}, "'open' or 'click'"),
    ({"bots": [bot(activities=[warm(after=0)])]}, "greater than or equal to 1"),
    ({"bots": [bot(activities=[warm(after=1001)])]}, "less than or equal to 1000"),
    ({"bots": [bot(notes=["open", "open"])]}, "named twice"),
    ({"bots": [bot(id="Custo mers")]}, "pattern"),
    ({"bots": [bot(active=False)]}, "Extra inputs"),
    ({"list": {"title": "a", "id": "b"}}, "either `title` or `id`"),
    ({"list": {}}, "either `title` or `id`"),
    ({"list": {"id": "b", "create": True}}, "`create` needs a `title`"),
    ({"connections": {"crm": "a", "engagement": "a"}}, "two different connections"),
    ({"fields": {"person": ["phone", "phone"]}}, "named twice: phone"),
    ({"schedule": {}}, "either `every` or `cron`"),
    ({"schedule": {"every": "1h", "cron": "0 * * * *"}}, "either `every` or `cron`"),
    ({"schedule": {"every": "1h", "timezone": "Europe/Riga"}}, "belongs to `cron`"),
    ({"schedule": {"every": "0m"}}, "pattern"),
    ({"schedule": {"cron": "* * *"}}, "five parts"),
    ({"schedule": {"cron": "60 * * * *"}}, "`60` is not a minute"),
    ({"schedule": {"cron": "0 0 * * fry"}}, "`fry` is not a weekday"),
    ({"schedule": {"cron": "*/0 * * * *"}}, "`*/0` is not a minute"),
    (
        {"schedule": {"cron": "0 6 31 2 *"}},
        "no such moment ever comes (bad day-of-month): name a day",
    ),
    ({"schedule": {"cron": "0 * * * *", "timezone": "Riga"}}, "no such time zone"),
    ({"alert": {"webhook": "https://hooks.example", "on": ["failed"]}}, "pattern"),
    ({"alert": {"webhook": "OPS", "on": ["sometimes"]}}, "'failed'"),
    ({"guards": {"max_delete_share": 20}}, "less than or equal to 1"),
]


@pytest.mark.parametrize(("changes", "sentence"), WRONG)
def test_what_makes_no_sense_is_refused_with_a_sentence(changes, sentence):
    with pytest.raises(ValidationError) as refused:
        definition(**changes)
    assert sentence in str(refused.value)


def test_a_definition_cannot_change_while_it_runs():
    with pytest.raises(ValidationError, match="frozen"):
        definition().name = "other"
