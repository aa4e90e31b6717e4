"""The conditions of saved segments, evaluated at each reading.

A condition has a kind (`condition_type`), a field, an operator and mostly a value. Kinds that
nothing here could tell (shops, places, predictions) are refused when the segment is made.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from sandbox.books import Record
from sandbox.mailchimp.account import Account
from sandbox.mailchimp.call import read_time
from sandbox.mailchimp.problems import ProblemError, invalid

Test = Callable[[Record], bool]
Condition = Mapping[str, Any]

TEXTS = ("is", "not", "contains", "notcontain", "starts", "ends", "greater", "less")
BLANKS = ("blank", "blank_not")
OPERATORS: dict[str, tuple[str, ...]] = {
    "TextMerge": TEXTS + BLANKS,
    "SelectMerge": ("is", "not", "contains", "notcontain", *BLANKS),
    "DateMerge": ("is", "not", "less", "greater", *BLANKS),
    "BirthdayMerge": ("is", "not", *BLANKS),
    "AddressMerge": ("contains", "notcontain", *BLANKS),
    "EmailAddress": TEXTS,
    "StaticSegment": ("static_is", "static_not"),
    "FuzzySegment": ("fuzzy_is", "fuzzy_not"),
    "Interests": ("interestcontains", "interestcontainsall", "interestnotcontains"),
    "Date": ("greater", "less", "is", "not", "within", "notwithin", *BLANKS),
    "NewSubscribers": ("date_within",),
    "Aim": ("open", "click", "sent", "noopen", "noclick", "nosent"),
    "VIP": ("member", "notmember"),
    "Language": ("is", "not"),
    "MemberRating": ("is", "not", "greater", "less"),
    "SignupSource": ("source_is", "source_not"),
}
OF_FIELD = {
    "EMAIL": "EmailAddress", "merge0": "EmailAddress", "static_segment": "StaticSegment",
    "fuzzy_segment": "FuzzySegment", "aim": "Aim", "gmonkey": "VIP", "language": "Language",
    "rating": "MemberRating", "source": "SignupSource", "timestamp_opt": "Date",
    "info_changed": "Date",
}  # fmt: skip
TIMES = {"timestamp_opt": "timestamp_opt", "info_changed": "last_changed"}
MERGES = ("TextMerge", "SelectMerge", "DateMerge", "BirthdayMerge", "AddressMerge")
ANY_CAMPAIGN = ("any", "", None)


def check_options(account: Account, list_id: str, options: Any) -> None:
    """Refuse what could not be evaluated, naming its place."""
    if not isinstance(options, dict) or options.get("match", "any") not in ("any", "all"):
        raise invalid(("options.match", "Value must be one of these: any, all"))
    conditions = options.get("conditions", [])
    if not isinstance(conditions, list):
        raise invalid(("options.conditions", "Schema describes array"))
    for number, condition in enumerate(conditions):
        place = f"options.conditions.item:{number}"
        if not isinstance(condition, dict):
            raise invalid((place, "Schema describes object"))
        kind = condition_kind(condition)
        if condition.get("op") not in OPERATORS.get(kind, ()):
            raise invalid((place, f"Data did not match any of the schemas: {kind or 'no kind'}"))
        if kind in MERGES and not _tag(account, list_id, condition):
            raise invalid((f"{place}.field", "There is no such merge field"))


def condition_kind(condition: Condition) -> str:
    """The kind a condition names, or that its field gives away."""
    named, field = condition.get("condition_type"), str(condition.get("field", ""))
    if named:
        return str(named)
    return OF_FIELD.get(field) or ("Interests" if field.startswith("interests-") else "TextMerge")


def tester(account: Account, list_id: str, options: Condition) -> Test:
    """Who is in a segment of these options; no conditions: nobody."""
    tests = [_test(account, list_id, c) for c in options.get("conditions", [])]
    if options.get("match") == "all":
        return lambda m: bool(tests) and all(test(m) for test in tests)
    return lambda m: any(test(m) for test in tests)


def _test(account: Account, list_id: str, condition: Condition) -> Test:
    kind, op, value = condition_kind(condition), str(condition.get("op")), condition.get("value")
    if kind in MERGES:
        tag = _tag(account, list_id, condition)
        return lambda m: compare(op, m["merge_fields"].get(tag, ""), value)
    match kind:
        case "EmailAddress":
            return lambda m: compare(op, m["email_address"], value)
        case "StaticSegment":
            return _among({m["contact_id"] for m in _tagged(account, list_id, value)}, op)
        case "FuzzySegment":
            return _among(similar(account, list_id, value), op)
        case "Interests":
            return _interested(op, value if isinstance(value, list) else [value])
        case "Date" | "NewSubscribers":
            return _timed(account, condition)
        case "Aim":
            return _among(_aimed(account, list_id, op, value), op)
        case "VIP":
            return lambda m: bool(m["vip"]) == (op == "member")
        case "Language":
            return lambda m: compare(op, m["language"], value)
        case "MemberRating":
            return lambda m: compare(op, m["member_rating"], value)
        case "SignupSource":
            return lambda m: (m["source"] == value) == (op == "source_is")
    return lambda _: False


def compare(op: str, value: Any, wanted: Any) -> bool:
    """A text or number against what is wanted; numbers as such when both are, capitals aside.

    >>> compare("greater", 10, "9"), compare("greater", "b", "A"), compare("blank", "", None)
    (True, True, True)
    """
    text = " ".join(map(str, value.values())) if isinstance(value, dict) else str(value)
    mine, its = text.lower(), str(wanted if wanted is not None else "").lower()
    if op in BLANKS:
        return (mine == "") == (op == "blank")
    match op:
        case "is" | "not":
            return (_number_or_text(mine) == _number_or_text(its)) == (op == "is")
        case "contains" | "notcontain":
            return (its in mine) == (op == "contains")
        case "starts":
            return mine.startswith(its)
        case "ends":
            return mine.endswith(its)
    if mine == "":
        return False
    left, right = _number_or_text(mine), _number_or_text(its)
    if isinstance(left, float) and isinstance(right, float):
        return left > right if op == "greater" else left < right
    return mine > its if op == "greater" else mine < its


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _tag(account: Account, list_id: str, condition: Condition) -> str:
    """The tag a condition's field means: the tag itself, or `merge3` for the field of id 3."""
    field = str(condition.get("field", ""))
    for known in account.fields_of(list_id):
        if field.upper() in (known["tag"], f"MERGE{known['merge_id']}"):
            return str(known["tag"])
    return ""


def _tagged(account: Account, list_id: str, tag_id: Any) -> list[Record]:
    return [m for m in account.members.of(list_id) if str(tag_id) in m["tags"]]


def _among(contacts: set[str], op: str) -> Test:
    is_in = op in ("static_is", "fuzzy_is") or (op in OPERATORS["Aim"] and not op.startswith("no"))
    return lambda m: (m["contact_id"] in contacts) == is_in


def similar(account: Account, list_id: str, segment_id: Any) -> set[str]:
    """Who is like the members of the tag a fuzzy segment was made of, archived ones included.

    The vendor's own likeness is not published; any that is stable will do.
    """
    segment = account.segments.get(segment_id)
    like = (segment or {}).get("like")
    kinds = {_kind(m) for m in _tagged(account, list_id, like)}
    return {m["contact_id"] for m in account.members.of(list_id) if _kind(m) in kinds}


def _kind(member: Record) -> tuple[str, str]:
    domain = str(member["email_address"]).rpartition("@")[2].lower()
    return domain, str(member["merge_fields"].get("LNAME", ""))


def _interested(op: str, ids: list[Any]) -> Test:
    def matches(member: Record) -> bool:
        has = [bool(member["interests"].get(str(i))) for i in ids]
        if op == "interestcontainsall":
            return all(has)
        return any(has) == (op == "interestcontains")

    return matches


def _timed(account: Account, condition: Condition) -> Test:
    """`within` counts days back from now; the others look at the day alone."""
    name = TIMES.get(str(condition.get("field")), "timestamp_opt")
    op, value = str(condition.get("op")), condition.get("value")
    if value == "date":
        value = condition.get("extra")
    if op.endswith("within"):
        first = (account.world.clock.now() - timedelta(days=_days(value))).date().isoformat()
        is_inside = op != "notwithin"
        return lambda m: bool(m[name]) and (m[name][:10] >= first) == is_inside
    day = _day(value) if op not in BLANKS else ""
    return lambda m: compare(op, m[name][:10], day)


def _days(value: Any) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _day(value: Any) -> str:
    """The day of a date or time; what is neither is compared as it stands."""
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        pass
    try:
        return read_time("value", value)[:10]
    except ProblemError:
        return str(value)


def _aimed(account: Account, list_id: str, op: str, campaign: Any) -> set[str]:
    """The contacts to whom it happened: in that campaign, or in any."""
    kind = op.removeprefix("no")
    return {
        a["contact_id"]
        for a in account.activity.live()
        if a["list_id"] == list_id
        and a["kind"] == kind
        and (campaign in ANY_CAMPAIGN or a["campaign_id"] == campaign)
    }
