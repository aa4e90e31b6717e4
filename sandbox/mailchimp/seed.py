"""The account as it stands before anybody calls: two audiences of the seeded people.

"Newsletter" has about 30 % of the persons' addresses, in every status, with strangers the CRM does
not know among them; "Partners" is small and asks for a double opt-in.
"""

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from sandbox.books import Record
from sandbox.mailchimp.account import Account, stamp
from sandbox.mailchimp.interests import put_category, put_interest
from sandbox.mailchimp.lists import SETTINGS, put_list
from sandbox.mailchimp.membership import ADDRESS, new_member
from sandbox.mailchimp.merge_field_calls import put_field
from sandbox.mailchimp.tags import new_segment
from sandbox.population import FIRST_NAMES, LAST_NAMES, Inhabitant

SHARE = {"Newsletter": 0.3, "Partners": 0.04}
STRANGERS_SHARE = 0.05  # of a list
# Of each hundred members, by the order in which they joined: status and whose act it was.
LEFT = {
    3: ("unsubscribed", "person"), 23: ("unsubscribed", "person"), 53: ("unsubscribed", "api"),
    77: ("unsubscribed", "abuse"), 11: ("cleaned", "bounce"), 29: ("archived", ""),
    61: ("archived", ""), 5: ("archived", "person"), 41: ("pending", ""),
    83: ("transactional", ""),
}  # fmt: skip
NEWSLETTER_FIELDS: tuple[dict[str, Any], ...] = (
    {"tag": "SCORE", "name": "Lead score", "type": "number"},
    {"tag": "SINCE", "name": "Customer since", "type": "date"},
    {
        "tag": "TIER",
        "name": "Tier",
        "type": "dropdown",
        "options": {"choices": ["Gold", "Silver", "Bronze"]},
    },
    {
        "tag": "CONTACT",
        "name": "Preferred contact",
        "type": "radio",
        "options": {"choices": ["E-mail", "Phone"]},
    },
)
TAGS = (("Customer", 0.3), ("Webinar guest", 0.1), ("Nobody yet", 0.0))
COMPANY = {
    "company": "Acme", "address1": "Brivibas iela 1", "address2": "", "city": "Riga", "state": "",
    "zip": "LV-1010", "country": "LV", "phone": "",
}  # fmt: skip
CAMPAIGN = {"from_name": "Acme", "from_email": "news@acme.example", "subject": "", "language": "en"}


class Candidate(NamedTuple):
    """Somebody who is put on a list."""

    email: str
    first_name: str
    last_name: str
    person: Inhabitant | None  # None: a stranger


def seed_account(account: Account) -> None:
    newsletter = _put_audience(account, "Newsletter", has_double_optin=False)
    for field in NEWSLETTER_FIELDS:
        put_field(account, newsletter, field)
    topics = put_category(account, newsletter, "Topics", "checkboxes")
    interests = [put_interest(account, topics, name)["id"] for name in ("News", "Offers")]
    tags = {name: new_segment(account, newsletter, name, "static") for name, _ in TAGS}
    _put_members(account, newsletter, "Newsletter")
    _enrich(account, newsletter, tags, interests)
    _put_segments(account, newsletter, tags["Customer"]["id"])
    partners = _put_audience(account, "Partners", has_double_optin=True)
    reseller = new_segment(account, partners, "Reseller", "static")
    _put_members(account, partners, "Partners")
    for member in account.members.of(partners)[::2]:
        account.members.put({**member, "tags": {str(reseller["id"]): member["timestamp_opt"]}})


def _put_audience(account: Account, name: str, *, has_double_optin: bool) -> str:
    reminder = f"You signed up for the {name.lower()} of Acme."
    settings = {
        **SETTINGS,
        "name": name,
        "contact": dict(COMPANY),
        "campaign_defaults": dict(CAMPAIGN),
        "permission_reminder": reminder,
        "double_optin": has_double_optin,
    }
    made = put_list(account, settings)
    old = {**made, "date_created": _ago(account, days=500)}
    return str(account.lists.put(made["id"], old)["id"])


def _ago(account: Account, **how_long: float) -> str:
    return stamp(account.world.clock.now() - timedelta(**how_long))


def _put_members(account: Account, list_id: str, name: str) -> None:
    dice = account.world.dice(f"mailchimp/{name}")
    place = 0
    for candidate in _candidates(account, SHARE[name], dice):
        joined_s = dice.uniform(30, 400) * 86400
        if account.members.find(list_id, candidate.email):
            continue
        status, left_by = LEFT.get(place % 100, ("subscribed", ""))
        member = new_member(account, list_id, candidate.email, "Hosted Signup Form")
        joined, left = _ago(account, seconds=joined_s), _ago(account, seconds=joined_s / 4)
        is_confirmed = status not in ("pending", "transactional")
        has_left = status in ("unsubscribed", "cleaned", "archived")
        member |= {
            "status": status,
            "left_by": left_by,
            "status_at": left if has_left else joined,
            "last_changed": left if has_left else joined,
            "timestamp_signup": joined,
            "ip_signup": "192.0.2.1",
            "timestamp_opt": joined if is_confirmed else "",
            "ip_opt": "192.0.2.1" if is_confirmed else "",
            "merge_fields": _values(candidate),
        }
        account.members.put(member)
        place += 1


def _candidates(account: Account, share: float, dice: random.Random) -> Iterator[Candidate]:
    for person in account.world.people:
        is_chosen, is_lowered = dice.random() < share, dice.random() < 0.5
        if dice.random() < share * STRANGERS_SHARE:
            email = f"stranger.{person.number}@elsewhere.example"
            yield Candidate(email, dice.choice(FIRST_NAMES), dice.choice(LAST_NAMES), None)
        if not is_chosen or not person.emails:
            continue
        email = person.emails[0].value
        if ADDRESS.fullmatch(email):
            email = email.lower() if is_lowered else email
            yield Candidate(email, person.first_name, person.last_name, person)


def _values(candidate: Candidate) -> dict[str, Any]:
    values = {"FNAME": candidate.first_name, "LNAME": candidate.last_name}
    if candidate.person and candidate.person.phone:
        values["PHONE"] = candidate.person.phone
    return values


def _enrich(account: Account, list_id: str, tags: dict[str, Record], interests: list[str]) -> None:
    """Give the newsletter's members values of every kind, tags and interests."""
    dice = account.world.dice("mailchimp/enriched")
    now = account.world.clock.now()
    for member in account.members.of(list_id):
        values = dict(member["merge_fields"])
        score, tier = dice.randrange(101), dice.choice(("Gold", "Silver", "Bronze", ""))
        if dice.random() < 0.6:
            values |= {"SCORE": score, "TIER": tier, "CONTACT": dice.choice(("E-mail", "Phone"))}
        if dice.random() < 0.3:
            values["SINCE"] = (now - timedelta(days=dice.randrange(30, 3000))).date().isoformat()
            values["BIRTHDAY"] = f"{dice.randrange(1, 13):02}/{dice.randrange(1, 29):02}"
        if dice.random() < 0.2:
            values["ADDRESS"] = {
                "addr1": f"{dice.randrange(1, 99)} High Street",
                "addr2": "",
                "city": dice.choice(("Riga", "London", "Tampere")),
                "state": "",
                "zip": f"{dice.randrange(10000, 99999)}",
                "country": "LV",
            }
        on = {str(tags[name]["id"]) for name, share in TAGS if dice.random() < share}
        interested = {i: dice.random() < 0.3 for i in interests}
        about = {
            "merge_fields": values,
            "tags": dict.fromkeys(sorted(on), member["timestamp_signup"]),
            "interests": {i: True for i, is_on in interested.items() if is_on},
            "vip": dice.random() < 0.02,
            "member_rating": dice.randrange(1, 6),
            "language": dice.choice(("en", "en", "lv", "")),
        }
        account.members.put({**member, **about})


def _put_segments(account: Account, list_id: str, customer: int) -> None:
    """Saved segments of several kinds of conditions, and a fuzzy one."""
    gold = {"condition_type": "SelectMerge", "field": "TIER", "op": "is", "value": "Gold"}
    hot = {"condition_type": "TextMerge", "field": "SCORE", "op": "greater", "value": "70"}
    new = {"condition_type": "Date", "field": "timestamp_opt", "op": "within", "value": "90"}
    tagged = {"condition_type": "StaticSegment", "field": "static_segment", "op": "static_is"}
    for name, match, conditions in (
        ("Gold or hot", "any", [gold, hot]),
        ("Gold and new", "all", [gold, new]),
        ("Customers by tag", "all", [{**tagged, "value": customer}]),
    ):
        segment = new_segment(account, list_id, name, "saved")
        options = {"match": match, "conditions": conditions}
        account.segments.put(segment["id"], {**segment, "options": options})
    fuzzy = new_segment(account, list_id, "Like our customers", "fuzzy")
    account.segments.put(fuzzy["id"], {**fuzzy, "like": customer})
