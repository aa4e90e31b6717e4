"""Definitions of flows and troubles, drawn."""

import random

from tests.oracle.bench import CONSENT
from tests.oracle.flow_world import Json

MAPPINGS = {
    "first_name": "FNAME", "last_name": "LNAME", "job_title": "JOB", "phone": "TEL",
    "Region": "REGION", "Renewal": "SINCE",
}  # fmt: skip
NAMES = {"first_name": "FNAME", "last_name": "LNAME"}
OPTIONAL = ("job_title", "phone", "Region", "Renewal")
KINDS = ("filters", "tags", "new", "stage")


def definition_of(dice: random.Random) -> Json:
    """One to four flows, often opposite ones over the same people."""
    kinds = dice.choice([
        ["filters"], ["tags"], ["new"], ["stage"], ["filters", "tags"], ["filters", "tags"],
        ["tags", "filters", "stage"], ["new", "filters"], ["stage", "tags", "new"],
        ["filters", "new", "tags", "stage"], ["filters", "filters", "tags"],
    ])  # fmt: skip
    return _definition(dice, [_flow(dice, kind, number) for number, kind in enumerate(kinds)])


def opposite_of(dice: random.Random) -> Json:
    """Two flows at work over the same people, into each vendor, with nearly all fields mapped."""
    flows = [_flow(dice, kind, number) for number, kind in enumerate(["filters", "tags"])]
    for flow in flows:
        both_ways = {name: MAPPINGS[name] for name in OPTIONAL if dice.random() < 0.9}
        flow |= {"active": True, "audience": "Newsletter", "mapping": NAMES | both_ways}
    flows[0]["trigger"]["filters"] = ["Buyers", "Everyone with a phone"]
    flows[1]["trigger"]["tags"] = ["lead"]
    return _definition(dice, flows)


def _definition(dice: random.Random, flows: list[Json]) -> Json:
    rules = [("job_title", "crm"), ("phone", "engagement"), ("first_name", "engagement")]
    mapped = {name for flow in flows for name in flow["mapping"]}
    return {
        "kind": "mailchimp_pipedrive",
        "name": "outside",
        "schedule": {"every": "15m"},
        "connections": {"crm": "crm", "engagement": "engagement"},
        "conflicts": {n: who for n, who in rules if n in mapped and dice.random() < 0.3},
        "guards": {"first_activation": "allow"},
        "flows": flows,
    }


def _flow(dice: random.Random, kind: str, number: int) -> Json:
    flow: Json = {
        "id": f"{kind}-{number}",
        "active": dice.random() < 0.85,
        "trigger": _trigger(dice, kind),
        "audience": "Newsletter",
        "mapping": NAMES | {name: MAPPINGS[name] for name in OPTIONAL if dice.random() < 0.6},
    }
    if kind in ("filters", "stage"):
        flow["consent"] = CONSENT
        if dice.random() < 0.2:
            flow |= {"audience": "Partners", "mapping": dict(NAMES)}
        if dice.random() < 0.5:
            flow["tag"] = "From Pipedrive"
    return flow


def _trigger(dice: random.Random, kind: str) -> Json:
    match kind:
        case "filters":
            some = [["Customers EU"], ["Buyers"], ["Buyers", "Everyone with a phone"]]
            return {"filters": dice.choice(some)}
        case "tags":
            return {"tags": dice.choice([["lead"], ["lead", "vip"]])}
        case "new":
            return {"new_contacts": True}
    return {"pipeline": "Sales", "stage": "Qualified"}


def faults_of(dice: random.Random) -> list[Json]:
    """One or two ways in which a vendor misbehaves during one run."""
    return [_fault(dice) for _ in range(dice.choice([1, 1, 2]))]


def _fault(dice: random.Random) -> Json:
    vendor = dice.choice(["pipedrive", "mailchimp", "mailchimp"])
    method = dice.choice(["POST", "PATCH", "PATCH", "GET"])
    kind = dice.choice(["lost_answer", "late_commit", "rate_limit", "status", "truncate"])
    if method == "GET" and kind == "late_commit":
        kind = "truncate"
    fault: Json = {"kind": kind, "vendor": vendor, "method": method}
    fault |= {"after": dice.randrange(4), "times": dice.choice([1, 1, 2])}
    if kind == "status":
        fault |= {"status": dice.choice([500, 502, 503]), "after_commit": dice.random() < 0.5}
    return fault
