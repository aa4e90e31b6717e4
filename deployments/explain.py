"""From one effect back to its causes: events -> rule -> crossing -> intent -> request -> id."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select

from deployments.published import CannotAskError, ask, published_file
from pipelines.kinds import MAILIGEN_PIPEDRIVE, Kind
from pipelines.report import counted
from pipelines.settings import Settings
from state import consent, keep
from state.database import State, open_state
from state.doubts import without_addresses
from state.schema import contact_addresses, deeds, facts, links, pins, settings
from state.writers import writers

# In the run that left them out last; who is written by now is not left out any more.
SKIPS = """
WITH latest AS (SELECT max(sweep) AS sweep FROM history.skipped),

named AS (
    SELECT 'person' AS object, person_id_pipedrive::VARCHAR AS subject
    FROM staging.pipedrive__person_emails
    WHERE lower(trim(email)) = lower(?) OR person_id_pipedrive::VARCHAR = ?
    UNION
    SELECT 'contact', unnest(?::VARCHAR [])
    UNION
    SELECT 'member', unnest(?::VARCHAR [])
)

SELECT DISTINCT s.object, s.subject, s.reason, s.sweep
FROM history.skipped AS s
INNER JOIN latest AS l ON l.sweep = s.sweep
INNER JOIN named AS n ON n.object = s.object AND n.subject = s.subject
ORDER BY ALL
"""
DEEDS = ("activity", "deal", "note")
# What may be named by its own id, and what links and deeds call it: the kinds differ.
PEOPLE = {"person": ("person", "audience_person"), "member": ("audience_member",)}
MEMBER = "audience_member"  # its id in links: audience/contact_id
# Write keys whose last part is the contact; those of settings begin with their object.
OF_A_CONTACT = ("member|", "fields|", "tag|", "audience_member|", "audience_person|")
SHORT = ("fact", "write", "rule", "setting", "intent", "outcome", "id", "word", "skipped")
EVENTS_SHOWN = 3


class Step(NamedTuple):
    """One link of the chain. `said` holds ids, names of rules and mails, links and counts; no
    address of a person."""

    what: str
    said: str


def explain_key(
    where: Settings, sync: str, key: str, kind: Kind = MAILIGEN_PIPEDRIVE
) -> list[Step]:
    """The chain of every write that `key` names, and why who it names was left out.

    CannotAskError when nothing has that name, NothingPublishedError before the first run.
    """
    published_file(where.home, sync)
    words, its = _words(where, sync), kind.doors.explaining
    noun, name = read_key(key)
    if not name:
        raise _nothing_of(sync, key)  # rows that are about nobody have no subject: not these
    with closing(open_state(where.state_url)) as state:
        name = _by_audience(state, name) if noun == "member" else name
        contacts = [] if noun in DEEDS else _contacts(state, name, noun)
        names = [name, *contacts]
        linked = _links(state, contacts)
        members = [one for what, one in linked if what == MEMBER]
        members += [name] if noun == "member" else []
        if noun == "" and "@" in name and its.members:
            members += [str(one) for (one,) in ask(where.home, sync, its.members, [name]).rows]
        persons = [one for what, one in linked if what in PEOPLE["person"]]
        persons += [name] if noun == "person" else []
        deal = name if noun == "deal" else ""
        steps = list(_facts(state, sync, persons, members, deal))
        newcomer = its.newcomer_of(consent.read_key(where.home), name)
        for row in _deeds(state, sync, [one for one in (*names, newcomer) if one], noun):
            addresses = _addresses(state, row.subject)
            events = _events(row, ask(where.home, sync, its.events, [addresses, row.sweep]).rows)
            steps += _deed_steps(row, events, _cause(where, sync, row, its.title), kind, sync)
            steps += words.get(str(row.write_key), ())
        if noun not in DEEDS:
            for row in _settings(state, sync, names):
                steps += [*_setting_steps(row), *words.get(_key_of(row), ())]
            steps += _skips(where, sync, name, contacts, noun, members)
    if not steps:
        raise _nothing_of(sync, key)
    return steps


def _nothing_of(sync: str, key: str) -> CannotAskError:
    return CannotAskError(
        f"{sync} has written nothing that is called {key}, and left nobody of that name out. Who "
        "was in step from the beginning, or is selected by nothing, has no story here; else give a "
        "write key, the SL- reference in a note or activity, `deal 12`, `activity 12`, `note 12`, "
        "`person 12`, `member AUDIENCE/ID`, a contact id or an address"
    )


def _words(where: Settings, sync: str) -> dict[str, list[Step]]:
    """What people said of each write: what is done since hides it in the ledger."""
    return {key: [_word(one) for one in said] for key, said in keep.words(where.home, sync).items()}


def _word(line: dict[str, Any]) -> Step:
    by, its_id = without_addresses(str(line.get("by"))), line.get("remote_id")
    said = f"settled by {by}: {line.get('verdict')}" + (f", id {its_id}" if its_id else "")
    return Step("word", said + (f" on {str(line.get('at'))[:10]}" if line.get("at") else ""))


def _key_of(row: Any) -> str:
    """A setting by the name that `doubts` gives it, which is the keep file's."""
    return "|".join((row.object, row.account, row.aspect, row.subject))


def in_short(steps: list[Step]) -> list[Step]:
    """What a reader wants first: why, what, and how it ended; of many events the last few."""
    shown: list[Step] = []
    events: list[Step] = []
    for step in [*steps, Step("", "")]:
        if step.what == "event":
            events.append(step)
            continue
        if len(events) > EVENTS_SHOWN:
            shown.append(Step("event", f"{len(events) - EVENTS_SHOWN} earlier ones, see --json"))
        shown += events[-EVENTS_SHOWN:]
        events = []
        if step.what in SHORT:
            shown.append(step)
    return shown


def read_key(key: str) -> tuple[str, str]:
    """What sort of thing is meant, '' when the key itself says it, and its name.

    >>> read_key("Deal 12"), read_key("SL-GW4M6MV7"), read_key("member|a|News|c1")
    (('deal', '12'), ('', 'SL-GW4M6MV7'), ('', 'c1'))
    >>> read_key("audience_member|mc|acme/customers/abc|c1"), read_key("member abc/e1")
    (('', 'c1'), ('member', 'abc/e1'))
    """
    noun, _, name = key.strip().partition(" ")
    if noun.lower() in (*DEEDS, *PEOPLE) and name.strip():
        return noun.lower(), name.strip()
    if key.startswith(OF_A_CONTACT):
        return "", key.rpartition("|")[2]
    return "", key.strip()


def _by_audience(state: State, member: str) -> str:
    """A member by its audience's id, where it was given by the audience's name, old or new."""
    audience, _, its_id = member.rpartition("/")
    called = or_(*(func.lower(one) == audience.lower() for one in (pins.c.name, pins.c.label)))
    query = select(pins.c.remote_id).where(pins.c.kind == "audience", called).distinct()
    with state.read() as db:
        found = db.execute(query).scalars().all() if audience else []
    return f"{found[0]}/{its_id}" if len(found) == 1 else member


def _contacts(state: State, name: str, noun: str) -> list[str]:
    """The contacts an address is or was one of, or a person or member stood for: all that came
    of it. A member may be named without its audience."""
    by_address = select(contact_addresses.c.contact_id).where(
        contact_addresses.c.address == name.lower()
    )
    is_it = or_(
        links.c.remote_id == name,
        and_(links.c.object == MEMBER, links.c.remote_id.endswith(f"/{name}", autoescape=True)),
    )
    by_id = select(links.c.contact_id).where(links.c.object.in_(PEOPLE.get(noun, ())), is_it)
    with state.read() as db:
        found = db.execute(by_id if noun in PEOPLE else by_address).scalars().all()
    named = [name] if not noun and "@" not in name else []  # a contact's own id, or no contact's
    return sorted({str(contact) for contact in [*found, *named]})


def _links(state: State, contacts: list[str]) -> list[tuple[str, str]]:
    """What stands for the contacts at the vendors: object and id."""
    query = select(links.c.object, links.c.remote_id).where(links.c.contact_id.in_(contacts))
    with state.read() as db:
        return [(str(what), str(its_id)) for what, its_id in db.execute(query)]


def _facts(
    state: State, sync: str, persons: list[str], members: list[str], deal: str
) -> Iterator[Step]:
    """What happened once and brought them across: arrivals and passages, each with its end.

    An arrival is known by audience and member, a passage by its deal and person; that of the one
    has no member, that of the other no person: nobody may be asked for by ''.
    """
    whole = [one for one in members if "/" in one]
    alone = [one for one in members if "/" not in one]
    mine: list[ColumnElement[bool]] = [
        facts.c.person_id.in_([one for one in persons if one]), facts.c.fact_key.in_(whole),
        facts.c.member_id.in_([one for one in alone if one]),
    ]  # fmt: skip
    if deal:
        mine.append(facts.c.fact_key.startswith(f"deal {deal} at ", autoescape=True))
    query = select(facts).where(facts.c.sync == sync, or_(*mine))
    with state.read() as db:
        for row in db.execute(query.order_by(facts.c.sweep, facts.c.fact_key)):
            became = "not dealt with yet" if row.settled_sweep is None else row.said
            of = f", person {row.person_id}" if deal and row.person_id else ""
            yield Step("fact", f"{row.fact_key}{of}, seen in sweep {row.sweep}, "
                       f"flow {row.bot_id}: {became}")  # fmt: skip


def _deeds(state: State, sync: str, names: list[str], noun: str) -> list[Any]:
    columns = (deeds.c.write_key, deeds.c.marker, deeds.c.remote_id, deeds.c.subject)
    named = or_(*(column.in_(names) for column in columns))
    if noun in DEEDS:
        named = and_(deeds.c.object == noun, deeds.c.remote_id.in_(names))
    elif noun:
        is_itself = and_(deeds.c.object.in_(PEOPLE[noun]), deeds.c.remote_id == names[0])
        named = or_(deeds.c.subject.in_(names), is_itself)
    query = select(deeds).where(deeds.c.sync.in_(writers(sync)), named)
    with state.read() as db:
        return list(db.execute(query.order_by(deeds.c.sweep, deeds.c.position)).all())


def _settings(state: State, sync: str, names: list[str]) -> list[Any]:
    named = or_(settings.c.subject.in_(names), settings.c.natural_key.in_(names))
    query = select(settings).where(settings.c.sync.in_(writers(sync)), named)
    with state.read() as db:
        return list(db.execute(query).all())


def _planned_in(row: Any, sync: str) -> str:
    """A window takes its number where sweeps do, and is no run that history.runs knows."""
    return f"{'sweep' if row.sync == sync else 'window'} {row.sweep}"


def _deed_steps(
    row: Any, events: Iterator[Step], cause: str, kind: Kind, sync: str
) -> Iterator[Step]:
    its = kind.doors.explaining
    yield Step("write", row.write_key)
    yield Step("newcomer" if row.operation in its.newcomers else "contact", row.subject)
    yield from events
    rule = f"{kind.part} {row.bot_id}" if row.bot_id else "what the definition describes"
    rule += f", rule {row.rule_id}" if row.rule_id else ""
    if row.operation in its.newcomers:
        rule = f"new_subscribers, {row.reason}"
    yield Step("rule", f"{rule}: {cause}" if cause else rule)
    yield Step("intent", f"{row.operation} {row.object} in {row.account}, {_planned_in(row, sync)}")
    sent = f"attempt {row.attempt} at {row.sending_at} in run {row.run_id}"
    yield Step("request", sent if row.sending_at else "not sent")
    yield Step("outcome", f"{row.state}" + (f": {row.said}" if row.said else ""))
    if row.remote_id:
        yield Step("id", f"{row.object} {row.remote_id}")


def _events(row: Any, found: Iterable[Sequence[Any]]) -> Iterator[Step]:
    """What the contact had done when the deed was planned; a rule's own kind of event only, and
    of a note its own e-mail and link: a rule counts all, a note stands for one."""
    cause = row.cause or {}
    own = str(cause.get("event") or cause.get("kind") or "")
    its_own = (str(cause.get("campaign")), cause.get("link") or "")
    for campaign, kind, link, times, first_seen_at, title in found:
        if (own and kind != own) or (row.object == "note" and (campaign, link or "") != its_own):
            continue
        at = f" on {link}" if link else ""
        seen = f"{counted(times, 'time')}, first seen {first_seen_at:%Y-%m-%d %H:%M}"
        yield Step("event", f"{kind} of {_named(campaign, title)}{at}, {seen}")


def _cause(where: Settings, sync: str, row: Any, title: str) -> str:
    """What the plan said caused it, the campaign by its name."""
    told = dict(row.cause or {})
    campaign = told.get("campaign")
    if campaign:
        titles = ask(where.home, sync, title, [str(campaign)]).rows
        told["campaign"] = _named(str(campaign), titles[0][0] if titles else "").partition(" ")[2]
    return ", ".join(f"{name} {value}" for name, value in told.items() if value not in ("", None))


def _named(campaign: str, title: str) -> str:
    return f"campaign “{title}” ({campaign})" if title else f"campaign {campaign}"


def _skips(
    where: Settings, sync: str, name: str, contacts: list[str], noun: str, members: list[str]
) -> Iterator[Step]:
    person = name if noun == "person" else ""
    rows = ask(where.home, sync, SKIPS, [name, person, contacts, members]).rows
    for what, subject, reason, sweep in rows:
        yield Step("skipped", f"{what} {subject} in sweep {sweep}: {reason}")


def _addresses(state: State, contact_id: str) -> list[str]:
    """Every address the contact ever had: events stay with the address they were seen at."""
    query = select(contact_addresses.c.address).where(contact_addresses.c.contact_id == contact_id)
    with state.read() as db:
        return [str(address) for address in db.execute(query).scalars()]


def _setting_steps(row: Any) -> Iterator[Step]:
    yield Step("setting", f"{row.object} {row.subject}, {row.aspect} in {row.account}")
    yield Step("intent", f"{row.verb}, generation {row.generation}: {row.reason}")
    sent = f"attempt {row.attempt} at {row.sending_at} in run {row.run_id}"
    yield Step("request", sent if row.sending_at else "not sent")
    yield Step("outcome", f"{row.state}" + (f": {row.said}" if row.said else ""))
