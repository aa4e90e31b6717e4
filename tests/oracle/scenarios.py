"""What scenarios are made of: definitions, the right people to pick, and edits at the vendors."""

from typing import Any

from tests.oracle.bench import Bench, definition
from tests.oracle.people import first_address
from tests.oracle.reading import Json, World

CUSTOMERS = "Customers EU"
AUTUMN, STORY, PREVIEW = "Autumn offer", "Customer story", "Black Friday preview"
SEEDED = (
    "Autumn offer",
    "Welcome series",
    "Product news 1",
    "Product news 2",
    "Customer story",
    "Webinar invitation",
    "Product news 3",
    "Black Friday preview",
)


def customers(**more: Any) -> Json:
    """The bot of the sample definition, by its filter; without automations unless given."""
    return {"id": "customers", "contacts": {"filter": CUSTOMERS}} | more


def warm(after: int = 3, event: str = "open", **more: Any) -> Json:
    return {"id": f"warm-{event}-{after}", "after": after, "event": event, "type": "call"} | more


def hot(after: int = 2, event: str = "click", **more: Any) -> Json:
    named = {"owner": "bob@acme.example", "pipeline": "Sales", "stage": "Qualified"}
    return {"id": f"hot-{event}-{after}", "after": after, "event": event} | named | more


def everything() -> Json:
    """Every kind of automation at once."""
    return definition(
        customers(
            activities=[
                warm(3, "open"),
                warm(1, "bounce", type="task"),
                warm(2, "send", type="email"),
                warm(4, "click", type="meeting", repeat="every"),
            ],
            deals=[hot(2, "click"), hot(2, "open", stage="Proposal")],
            notes=["open", "click", "send", "bounce"],
        )
    )


# -- people


def filter_id(world: World, name: str = CUSTOMERS) -> int:
    return next(i for i, each in world.filters.items() if each["name"] == name)


def plain(world: World, *, on_list: bool | None = None) -> list[int]:
    """Persons of the filter whose one usable address is theirs alone, by id.

    `on_list`: only those whose address is subscribed (True) or on the list in no status (False).
    """
    addresses = [first_address(person) for person in world.persons.values()]
    members = world.members
    found = []
    for i in sorted(world.filter_members[filter_id(world)]):
        address = first_address(world.persons[i])
        member = members.get(address)
        if len(world.persons[i]["emails"]) != 1 or not address or addresses.count(address) > 1:
            continue
        fits = (
            member is None if not on_list else member is not None and member.status == "subscribed"
        )
        if on_list is None or fits:
            found.append(i)
    return found


def outsiders(world: World) -> list[int]:
    """Persons with an address of their own whom the filter does not select."""
    addresses = [first_address(person) for person in world.persons.values()]
    selected = world.filter_members[filter_id(world)]
    return [
        i
        for i, person in sorted(world.persons.items())
        if i not in selected
        and addresses.count(first_address(person)) == 1
        and first_address(person)
    ]


def address(world: World, person: int) -> str:
    return first_address(world.persons[person])


# -- edits in the CRM


def edit(bench: Bench, person: int, **body: Any) -> None:
    bench.crm.call("PATCH", f"/api/v2/persons/{person}", body)


def readdress(bench: Bench, person: int, *emails: str, primary: int | None = 0) -> None:
    """Replace the addresses; `primary` is the place of the flagged one."""
    ways = [{"value": e, "primary": i == primary, "label": "work"} for i, e in enumerate(emails)]
    edit(bench, person, emails=ways)


def delete(bench: Bench, person: int) -> None:
    bench.crm.call("DELETE", f"/api/v2/persons/{person}")


def add_person(
    bench: Bench,
    name: str,
    email: str,
    tier: str = "Gold",
    *,
    world: World | None = None,
    **more: Any,
) -> int:
    """The id of a new person; `world` saves a reading of everything."""
    code, options = tiers(world or bench.world())
    body = {
        "name": name,
        "emails": [{"value": email, "primary": True, "label": "work"}],
        "custom_fields": {code: options[tier]},
    }
    return int(bench.crm.call("POST", "/api/v2/persons", body | more)["data"]["id"])


def tiers(world: World) -> tuple[str, dict[str, int]]:
    """The code of "Customer tier" and its options by label."""
    field = next(f for f in world.person_fields.values() if f["field_name"] == "Customer tier")
    return field["field_code"], {option["label"]: option["id"] for option in field["options"]}


def put_in_tier(bench: Bench, world: World, person: int, tier: str | None) -> None:
    """Gold and Silver are in the filter; Bronze and none are not."""
    code, options = tiers(world)
    edit(bench, person, custom_fields={code: options[tier] if tier else None})


def call_made(bench: Bench, person: int) -> None:
    """An activity with the person, done now: a contact for the tie-break."""
    body = {"subject": "Called", "type": "call", "participants": [{"person_id": person}]}
    made = bench.crm.call("POST", "/api/v2/activities", body | {"done": True})
    bench.own_activities.append(int(made["data"]["id"]))


def mail_came(bench: Bench, person: int, at: str) -> None:
    bench.control("events/pipedrive", kind="mail_in", person=person, at=at)


# -- campaigns


def send_campaign(bench: Bench, title: str) -> str:
    """A new campaign sent to everybody on the list; its title, by which events name it."""
    text = '<a href="https://acme.example/one">1</a> <a href="https://acme.example/two">2</a>'
    made = bench.list.call(
        "campaignCreate",
        type="html",
        **{
            "options[list_id]": bench.list.list_named(bench.title),
            "options[subject]": title,
            "options[title]": title,
            "options[from_email]": "news@acme.example",
            "options[from_name]": "Acme",
            "content[html]": text,
        },
    )
    bench.list.call("campaignSendNow", cid=str(made))
    return title
