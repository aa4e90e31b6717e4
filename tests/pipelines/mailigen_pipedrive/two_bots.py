"""Bots for a sync with one for all contacts beside others, and ways to see what came of it."""

from typing import Any

from tests.pipelines.mailigen_pipedrive.desk import CONSENT, Desk

Json = dict[str, Any]


def activity(rule: str, after: int, event: str, **more: Any) -> Json:
    return {"id": rule, "after": after, "event": event, "type": "call", "subject": rule} | more


def bot(name: str, selects: str = "", **more: Any) -> Json:
    contacts: Any = {"filter": selects} if selects else "all"
    return {"id": name, "contacts": contacts, "consent": CONSENT} | more


DEAL = {"id": "hot", "after": 1, "event": "click", "owner": "bob@acme.example",
        "pipeline": "Sales", "stage": "Qualified"}  # fmt: skip
# Every kind of automation, on every click.
EVERYBODY = bot(
    "everybody", activities=[activity("all-clicks", 1, "click")], deals=[DEAL], notes=["click"]
)
COUNTING = bot(
    "everybody",
    activities=[
        activity("once", 2, "click"),
        activity("often", 2, "click", repeat="every"),
    ],
)
ALL_TIME = bot("everybody", activities=[activity("once", 2, "click")], count_from="all_time")
EU = bot("eu", "Customers EU", activities=[activity("eu-clicks", 1, "click")])
BARE = bot("eu", "Customers EU")
PHONES = bot("phones", "Everyone with a phone", activities=[activity("phone-clicks", 1, "click")])


def retier(desk: Desk, person: int, label: str) -> None:
    """Gold and Silver are what the filter `Customers EU` selects."""
    fields = desk.book("pipedrive", "personFields")
    tier = next(f for f in fields if f["field_name"] == "Customer tier")
    option = next(o["id"] for o in tier["options"] if o["label"] == label)
    desk.edit(person, custom_fields={tier["field_code"]: option})


def subjects(desk: Desk, person: int) -> list[str]:
    return sorted(str(one["subject"]) for one in desk.ours("activities", person))


def click(desk: Desk, email: str, times: int = 1) -> None:
    """A click, and the run that sees it."""
    desk.play("click", email, times=times)
    desk.settle()


def source(desk: Desk, email: str) -> str:
    member = desk.member(email)
    assert member is not None
    return str(member["merges"]["SOURCE"])


def crossings(desk: Desk) -> list[str]:
    """The names of the crossings of the repeated rule that fired, in their order."""
    rows = desk.ask(
        "SELECT regexp_extract(write_key, '[^|]*$') FROM history.writes "
        "WHERE write_key LIKE '%|often|%' AND state = 'done' ORDER BY sweep"
    )
    return [str(name) for (name,) in rows]
