"""The company "Acme" as the sandbox finds it: the same for the same seed and day.

Times count back from the midnight (UTC) before the start, so that they are never in the future.
"""

from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any

from sandbox.books import Record
from sandbox.pipedrive.activities import blank_activity
from sandbox.pipedrive.call import rfc3339, v1_time
from sandbox.pipedrive.company import Company
from sandbox.pipedrive.contacts import blank_organization, blank_person
from sandbox.pipedrive.deals import blank_deal, blank_pipeline, blank_stage
from sandbox.pipedrive.fields import custom_code, new_field, new_options
from sandbox.pipedrive.filters import blank_filter
from sandbox.pipedrive.settings import new_activity_type
from sandbox.population import COMPANIES, Inhabitant

ANN, BOB, CARA, DAN, EVE = 101, 102, 103, 104, 105
USERS = ((ANN, "Ann"), (BOB, "Bob"), (CARA, "Cara"), (DAN, "Dan"), (EVE, "Eve"))
ADMINS, DEACTIVATED = (ANN, BOB), (EVE,)
API_TOKENS = {
    "sandbox-pipedrive-admin": ANN,
    "sandbox-pipedrive-bob": BOB,
    "sandbox-pipedrive-user": CARA,
}
CURRENCIES = (("EUR", "Euro", "€"), ("USD", "US Dollar", "$"), ("GBP", "Pound Sterling", "£"))
ACTIVITY_TYPES = ("call", "meeting", "task", "deadline", "email", "lunch")
PIPELINES = (
    ("Sales", ("Lead In", "Qualified", "Proposal", "Won soon")),
    ("Partners", ("Lead In", "Contacted")),
)
PERSON_FIELDS = (
    ("Name", "name", "varchar"), ("First name", "first_name", "varchar"),
    ("Last name", "last_name", "varchar"), ("Phone", "phone", "phone"),
    ("Email", "email", "varchar"), ("Organization", "org_id", "org"),
    ("Owner", "owner_id", "user"), ("Labels", "label_ids", "set"),
    ("Visible to", "visible_to", "visible_to"), ("Person created", "add_time", "date"),
    ("Update time", "update_time", "date"), ("Job title", "job_title", "varchar"),
    ("Birthday", "birthday", "date"), ("Notes", "notes", "text"),
    ("Postal address", "postal_address", "address"), ("Instant messenger", "im", "varchar"),
)  # fmt: skip
ORGANIZATION_FIELDS = (
    ("Name", "name", "varchar"), ("Address", "address", "address"), ("Owner", "owner_id", "user"),
    ("Labels", "label_ids", "set"), ("Website", "website", "varchar"),
    ("LinkedIn profile", "linkedin", "varchar"), ("Industry", "industry", "enum"),
    ("Annual revenue", "annual_revenue", "int"), ("Number of employees", "employee_count", "int"),
)  # fmt: skip
DEAL_FIELDS = (
    ("Title", "title", "varchar"), ("Owner", "owner_id", "user"), ("Value", "value", "monetary"),
    ("Status", "status", "status"), ("Pipeline", "pipeline_id", "int"),
    ("Stage", "stage_id", "stage"), ("Contact person", "person_id", "people"),
    ("Organization", "org_id", "org"), ("Expected close date", "expected_close_date", "date"),
    ("Labels", "label_ids", "set"),
)  # fmt: skip
ACTIVITY_FIELDS = (
    ("Subject", "subject", "varchar"), ("Type", "type", "varchar"), ("Done", "done", "boolean"),
    ("Due date", "due_date", "date"), ("Due time", "due_time", "time"),
    ("Duration", "duration", "time"), ("Note", "note", "text"), ("Owner", "owner_id", "user"),
    ("Contact person", "person_id", "people"), ("Deal", "deal_id", "deal"),
)  # fmt: skip
CUSTOM = (
    ("Customer tier", "enum", ("Gold", "Silver", "Bronze")),
    ("Region", "varchar", ()),
    ("Interests", "set", ("Wine", "Travel", "Sport", "Books")),
    ("Contract value", "monetary", ()),
    ("Renewal", "date", ()),
    ("Account lead", "user", ()),
    ("Code", "varchar", ()),
    ("Code", "varchar", ()),
)
REGIONS = ("Baltics", "Nordics", "DACH", "Benelux", "UK")
JOBS = ("Buyer", "Director", "Accountant", "Marketing lead", None, None)
STREETS = (
    ("Brivibas iela", "Riga", "Latvia", "LV-1010"),
    ("Mannerheimintie", "Helsinki", "Finland", "00100"),
    ("Hauptstrasse", "Berlin", "Germany", "10827"),
)
DEAL_CHANCE, DONE_CHANCE, MAIL_CHANCE = 0.03, 0.08, 0.25


def seed_company(company: Company) -> None:
    """Fill the books of a new company."""
    midnight = datetime.combine(company.world.clock.now().date(), time(), UTC)
    _seed_settings(company, rfc3339(midnight - timedelta(days=700)))
    _seed_fields(company, rfc3339(midnight - timedelta(days=700)))
    _seed_filters(company, rfc3339(midnight - timedelta(days=600)))
    _seed_organizations(company, rfc3339(midnight - timedelta(days=500)))
    _seed_persons(company, midnight)


def _seed_settings(company: Company, then: str) -> None:
    for user_id, name in USERS:
        company.seed("users", _user(user_id, name, then))
    for number, (code, name, symbol) in enumerate(CURRENCIES, 1):
        currency = {"id": number, "code": code, "name": name, "decimal_points": 2}
        currency |= {"symbol": symbol, "active_flag": True, "is_custom_flag": False}
        company.seed("currencies", currency)
    for number, key in enumerate(ACTIVITY_TYPES, 1):
        now = v1_time(then) or ""
        company.seed("activityTypes", new_activity_type(number, key.capitalize(), key, now))
    for pipeline_id, (name, stages) in enumerate(PIPELINES, 1):
        company.seed("pipelines", blank_pipeline(pipeline_id, name, then))
        for order_nr, stage in enumerate(stages, 1):
            record = blank_stage(company.next_id("stages"), pipeline_id, order_nr, then)
            company.seed("stages", record | {"name": stage})


def _user(user_id: int, name: str, then: str) -> Record:
    is_admin, is_active = user_id in ADMINS, user_id not in DEACTIVATED
    apps = ("sales", "global", "account_settings")
    return {
        "id": user_id,
        "name": f"{name} Acme",
        "default_currency": "EUR",
        "locale": "en_US",
        "lang": 1,
        "email": f"{name.lower()}@acme.example",
        "phone": None,
        "activated": True,
        "last_login": v1_time(then),
        "created": v1_time(then),
        "modified": v1_time(then),
        "has_created_company": user_id == ANN,
        "access": [
            {"app": app, "admin": is_admin, "permission_set_id": f"sandbox-{app}"} for app in apps
        ],
        "active_flag": is_active,
        "timezone_name": "Europe/Riga",
        "timezone_offset": "+02:00",
        "role_id": 1,
        "icon_url": None,
        "is_you": False,
        "is_deleted": False,
    }


def _seed_fields(company: Company, then: str) -> None:
    own = (
        ("personFields", PERSON_FIELDS),
        ("organizationFields", ORGANIZATION_FIELDS),
        ("dealFields", DEAL_FIELDS),
        ("activityFields", ACTIVITY_FIELDS),
    )
    for name, fields in own:
        for label, code, kind in fields:
            company.books[name].put(code, new_field(company, name, label, code, kind))
    for number, (label, kind, options) in enumerate(CUSTOM, 1):
        code = custom_code(company.world.seed, "seeded", number)
        field = new_field(company, "personFields", label, code, kind)
        if options:
            field["options"] = new_options(company, list(options), then)
        company.books["personFields"].put(code, field)


def _custom(company: Company, label: str) -> Record:
    fields = company.books["personFields"].live()
    return next(f for f in fields if f["field_name"] == label and f["is_custom_field"])


def _option_ids(field: Record) -> dict[str, int]:
    return {option["label"]: option["id"] for option in field["options"]}


def _seed_filters(company: Company, then: str) -> None:
    tier = _custom(company, "Customer tier")
    options = _option_ids(tier)
    phone = next(f for f in company.books["personFields"].live() if f["field_code"] == "phone")
    gold_or_silver = [_condition(tier, "=", str(options[label])) for label in ("Gold", "Silver")]
    has_phone = [_condition(phone, "IS NOT NULL", None)]
    bronze = [_condition(tier, "=", str(options["Bronze"]))]
    for name, required, any_of, is_active in (
        ("Customers EU", [], gold_or_silver, True),
        ("Everyone with a phone", has_phone, [], True),
        ("Old import", bronze, [], True),
        ("Old import", has_phone, [], True),
        ("Retired list", has_phone, [], False),
    ):
        groups = [{"glue": "and", "conditions": required}, {"glue": "or", "conditions": any_of}]
        record = blank_filter(company.next_id("filters"), ANN)
        record |= {"name": name, "active_flag": is_active, "add_time": v1_time(then)}
        record |= {
            "update_time": v1_time(then),
            "conditions": {"glue": "and", "conditions": groups},
        }
        company.seed("filters", record)


def _condition(field: Record, operator: str, value: str | None) -> Record:
    return {
        "object": "person",
        "field_id": str(field["id"]),
        "operator": operator,
        "value": value,
        "extra_value": None,
        "json_value_flag": False,
    }


def _seed_organizations(company: Company, then: str) -> None:
    dice = company.world.dice("pipedrive/organizations")
    for number, name in enumerate(COMPANIES, 1):
        street, city, country, code = dice.choice(STREETS)
        house = str(dice.randrange(1, 90))
        whole = f"{street} {house}, {city}, {code}, {country}"
        record = blank_organization(number, dice.choice((ANN, BOB, CARA, DAN)), then)
        record |= {"name": name, "website": f"https://{name.lower().replace(' ', '')}.example"}
        record["address"] = {
            "value": whole,
            "country": country,
            "admin_area_level_1": None,
            "admin_area_level_2": None,
            "locality": city,
            "sublocality": None,
            "route": street,
            "street_number": house,
            "subpremise": None,
            "postal_code": code,
        }
        company.seed("organizations", record)


def _seed_persons(company: Company, midnight: datetime) -> None:
    dice = company.world.dice("pipedrive/persons")
    org_ids = {record["name"]: record["id"] for record in company.books["organizations"].live()}
    fields = {label: _custom(company, label) for label, _, _ in CUSTOM}
    for inhabitant in company.world.people:
        added = midnight - timedelta(minutes=dice.randrange(1440, 500 * 1440))
        changed = added + (midnight - added) * dice.random()
        record = _person(inhabitant, dice, (rfc3339(added), rfc3339(changed)))
        record["org_id"] = org_ids.get(inhabitant.company or "")
        record["custom_fields"] = _custom_values(inhabitant, dice, fields)
        company.seed("persons", record)
        if inhabitant.is_deleted:
            left = record | {"is_deleted": True}
            company.books["persons"].delete(record["id"], left)
        else:
            _seed_life(company, record, dice, midnight)


def _person(inhabitant: Inhabitant, dice: Random, times: tuple[str, str]) -> Record:
    record = blank_person(inhabitant.number, dice.choice((ANN, BOB, CARA, DAN)), times[0])
    phones = [{"value": inhabitant.phone, "primary": True, "label": "work"}]
    return record | {
        "name": f"{inhabitant.first_name} {inhabitant.last_name}",
        "first_name": inhabitant.first_name,
        "last_name": inhabitant.last_name,
        "update_time": times[1],
        "emails": [
            {"value": address.value, "primary": address.is_primary, "label": "work"}
            for address in inhabitant.emails
        ],
        "phones": phones if inhabitant.phone else [],
        "visible_to": dice.choice((3, 3, 3, 7)),
        "label_ids": dice.choice(([], [], [1], [2], [1, 3])),
        "job_title": dice.choice(JOBS),
    }


def _custom_values(
    inhabitant: Inhabitant, dice: Random, fields: dict[str, Record]
) -> dict[str, Any]:
    """Sparse: a person has a value in some of the fields."""
    values: dict[str, Any] = {}
    if inhabitant.tier:
        tiers = _option_ids(fields["Customer tier"])
        values[fields["Customer tier"]["field_code"]] = tiers[inhabitant.tier]
    if dice.random() < 0.6:
        values[fields["Region"]["field_code"]] = dice.choice(REGIONS)
    if dice.random() < 0.3:
        interests = sorted(_option_ids(fields["Interests"]).values())
        chosen = sorted(dice.sample(interests, dice.randrange(1, 3)))
        values[fields["Interests"]["field_code"]] = chosen
    if dice.random() < 0.2:
        amount = {"value": dice.randrange(1, 400) * 50, "currency": "EUR"}
        values[fields["Contract value"]["field_code"]] = amount
        values[fields["Renewal"]["field_code"]] = f"2027-{dice.randrange(1, 13):02}-01"
        values[fields["Account lead"]["field_code"]] = dice.choice((ANN, BOB))
    return values


def _seed_life(company: Company, person: Record, dice: Random, midnight: datetime) -> None:
    """Mails, an activity or a deal for some of them."""
    ago = midnight - timedelta(hours=dice.randrange(1, 90 * 24))
    if dice.random() < MAIL_CHANCE:
        member = dice.choice(("last_incoming_mail_time", "last_outgoing_mail_time"))
        company.mail_times[person["id"]][member] = rfc3339(ago)
    if dice.random() < DONE_CHANCE:
        when = rfc3339(ago + timedelta(minutes=20))
        record = blank_activity(company.next_id("activities"), person["owner_id"], rfc3339(ago))
        record |= {"subject": "Call", "type": "call", "done": True, "marked_as_done_time": when}
        record |= {"person_id": person["id"], "due_date": when[:10], "update_time": when}
        record["participants"] = [{"person_id": person["id"], "primary": True}]
        company.seed("activities", record)
    if dice.random() < DEAL_CHANCE:
        stage = company.books["stages"].get(dice.randrange(1, 7)) or {}
        record = blank_deal(company.next_id("deals"), person["owner_id"], rfc3339(ago))
        record |= {"title": f"{person['last_name']} deal", "person_id": person["id"]}
        record |= {"org_id": person["org_id"], "stage_id": stage["id"]}
        record |= {"pipeline_id": stage["pipeline_id"], "value": dice.randrange(1, 80) * 100}
        company.seed("deals", record)
