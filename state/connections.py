"""Whether each account can be talked to. The grant that lets us is in grants.py.

ok --> needs_reauthorization (a human signs in again)
   --> blocked (the vendor asks us to stay away until a time)
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select, update

from state.database import State, upsert
from state.errors import NotAllowed
from state.schema import connections as table

Condition = Literal["ok", "needs_reauthorization", "blocked"]


@dataclass(frozen=True)
class Connection:
    account: str
    vendor: str
    state: str
    said: str
    since: datetime
    blocked_until: datetime | None
    remote_company: str
    remote_user: str
    remote_email: str
    clock_offset_seconds: float


COLUMNS = [table.c[name] for name in Connection.__dataclass_fields__]


def find(state: State, account: str) -> Connection | None:
    with state.read() as db:
        row = db.execute(select(*COLUMNS).where(table.c.account == account)).one_or_none()
    return Connection(*row) if row is not None else None


def connections(state: State) -> list[Connection]:
    with state.read() as db:
        return [Connection(*row) for row in db.execute(select(*COLUMNS).order_by("account"))]


def introduce(state: State, account: str, vendor: str, *, company: str = "", user: str = "",
              email: str = "") -> None:  # fmt: skip
    """Note an account and whom its token belongs to, once a call has succeeded.

    Raises NotAllowed when the account was another company's: a changed token
    must not carry one company's identity map into another.
    """
    known = find(state, account)
    if known is not None and company and known.remote_company not in ("", company):
        raise NotAllowed(
            f"{account}: the token belongs to company {company}, but this account was company "
            f"{known.remote_company}. Give the other company an account name of its own."
        )
    values = {"vendor": vendor, "remote_company": company, "remote_user": user,
              "remote_email": email}  # fmt: skip
    if known is not None and all(getattr(known, name) == value for name, value in values.items()):
        return  # as every run but the first finds it: a commit less
    with state.write() as db:
        db.execute(
            upsert(db, table)
            .values(account=account, state="ok", said="", since=state.now(), **values)
            .on_conflict_do_update(index_elements=["account"], set_=values)
        )


def change(state: State, account: str, to: Condition, *, said: str = "",
           blocked_until: datetime | None = None) -> None:  # fmt: skip
    """Set an account's condition; `since` moves only when the condition does."""
    known = find(state, account)
    if known is None:
        raise NotAllowed(f"there is no connection {account}")
    if (known.state, known.said, known.blocked_until) == (to, said, blocked_until):
        return
    since = known.since if known.state == to else state.now()
    with state.write() as db:
        db.execute(
            update(table)
            .where(table.c.account == account)
            .values(state=to, said=said, since=since, blocked_until=blocked_until)
        )


def learn_clock(state: State, account: str, vendor_now: datetime) -> timedelta:
    """Keep how far the vendor's clock (its `Date` header) is ahead of ours, and return it.

    The header has whole seconds; a difference below two is not kept.
    """
    offset = (vendor_now - state.now()).total_seconds()
    known = find(state, account)
    if known is not None and abs(offset - known.clock_offset_seconds) < 2:
        return timedelta(seconds=known.clock_offset_seconds)
    with state.write() as db:
        db.execute(
            update(table).where(table.c.account == account).values(clock_offset_seconds=offset)
        )
    return timedelta(seconds=offset)


def vendor_now(state: State, account: str) -> datetime:
    """Return the vendor's time: what `sending_at` and every horizon are measured in."""
    known = find(state, account)
    return state.now() + timedelta(seconds=known.clock_offset_seconds if known else 0)
