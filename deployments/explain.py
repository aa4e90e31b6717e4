"""From one effect back to its causes: events -> rule -> crossing -> intent -> request -> id."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import or_, select

from deployments.published import CannotAskError, ask, published_file
from pipelines.mailigen_pipedrive.newcomers import subject_of
from pipelines.mailigen_pipedrive.seal import NEWCOMERS
from pipelines.settings import Settings
from state import consent
from state.database import State, open_state
from state.schema import contact_addresses, deeds, settings

# As it stood when the deed was planned: later opens and clicks did not cause it.
EVENTS = """
SELECT campaign, kind, sum(times) AS times, min(first_seen_at) AS first_seen_at
FROM history.events
WHERE list_contains(?, email) AND sweep <= ?
GROUP BY campaign, kind
ORDER BY first_seen_at, campaign, kind
"""


class Step(NamedTuple):
    """One link of the chain. `said` holds ids, names of rules and counts, never an address."""

    what: str
    said: str


def explain_key(where: Settings, sync: str, key: str) -> list[Step]:
    """The chain of every write that `key` names; CannotAskError when nothing has that name."""
    published_file(where.home, sync)
    state = open_state(where.state_url)
    try:
        steps: list[Step] = []
        newcomer = subject_of(consent.read_key(where.home), key)
        names = [key, newcomer, *_contacts(state, key)]
        for row in _deeds(state, sync, names):
            addresses = _addresses(state, row.subject)
            steps += _deed_steps(row, _events(where, sync, addresses, row.sweep))
        steps += [step for row in _settings(state, sync, names) for step in _setting_steps(row)]
    finally:
        state.close()
    if not steps:
        raise CannotAskError(
            f"{sync} has written nothing that is called {key}: give a write key, "
            "the SL- reference in a note or activity, the vendor's id of the record, a contact id "
            "or an address"
        )
    return steps


def _contacts(state: State, address: str) -> list[str]:
    """The contacts an address is or was one of, so that an address explains all that came of it."""
    query = select(contact_addresses.c.contact_id).where(
        contact_addresses.c.address == address.strip().lower()
    )
    with state.read() as db:
        return [str(contact) for contact in db.execute(query.distinct()).scalars()]


def _deeds(state: State, sync: str, names: list[str]) -> list[Any]:
    columns = (deeds.c.write_key, deeds.c.marker, deeds.c.remote_id, deeds.c.subject)
    named = or_(*(column.in_(names) for column in columns))
    query = select(deeds).where(deeds.c.sync == sync, named)
    with state.read() as db:
        return list(db.execute(query.order_by(deeds.c.sweep, deeds.c.position)).all())


def _settings(state: State, sync: str, names: list[str]) -> list[Any]:
    named = or_(settings.c.subject.in_(names), settings.c.natural_key.in_(names))
    with state.read() as db:
        return list(db.execute(select(settings).where(settings.c.sync == sync, named)).all())


def _deed_steps(row: Any, events: Iterator[Step]) -> Iterator[Step]:
    yield Step("write", row.write_key)
    yield Step("newcomer" if row.operation in NEWCOMERS else "contact", row.subject)
    yield from events
    rule = f"bot {row.bot_id}, rule {row.rule_id}" if row.rule_id else f"bot {row.bot_id}"
    if row.operation in NEWCOMERS:
        rule = f"new_subscribers, {row.reason}"
    cause = ", ".join(f"{name} {value}" for name, value in (row.cause or {}).items())
    yield Step("rule", f"{rule}: {cause}" if cause else rule)
    yield Step("intent", f"{row.operation} {row.object} in {row.account}, sweep {row.sweep}")
    sent = f"attempt {row.attempt} at {row.sending_at} in run {row.run_id}"
    yield Step("request", sent if row.sending_at else "not sent")
    yield Step("outcome", f"{row.state}" + (f": {row.said}" if row.said else ""))
    if row.remote_id:
        yield Step("id", f"{row.object} {row.remote_id}")


def _events(where: Settings, sync: str, addresses: list[str], sweep: int) -> Iterator[Step]:
    for campaign, kind, times, first_seen_at in ask(
        where.home, sync, EVENTS, [addresses, sweep]
    ).rows:
        seen = f"first seen {first_seen_at:%Y-%m-%d %H:%M}"
        yield Step("event", f"{kind} of campaign {campaign}, {times} times, {seen}")


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
