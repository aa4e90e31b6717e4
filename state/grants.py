"""The OAuth grant of each account, encrypted, and who may exchange it for a newer one.

    put --> kept --replace, where what was read still stands--> kept ... --forget--> none
              '---refused, where what was read still stands---> kept, needs_reauthorization

What is stored is told apart by its ciphertext, which no two encryptions share: whoever read one
and comes back after another process has stored a newer one changes nothing. A vendor may take a
refresh token once only, so one process at a time asks for another: whose turn it is (`turn`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import select, update

from state import connections, lease
from state.database import State, upsert
from state.errors import NotAllowed
from state.schema import connections as table
from state.schema import leases

TURN = timedelta(seconds=60)  # above what one call may take, 5 s to connect and 30 s to answer


@dataclass(frozen=True)
class Kept:
    """A grant as it was read; `sealed` says which one, and tells nobody anything."""

    grant: dict[str, Any] = field(repr=False)
    sealed: bytes = field(repr=False)


def new_key() -> str:
    """A key to encrypt grants with; it is stored nowhere."""
    return Fernet.generate_key().decode()


def check_key(key: str) -> None:
    """NotAllowed for a text that is no key; the text itself is not repeated."""
    try:
        Fernet(key)
    except ValueError as error:
        raise NotAllowed("it is no key: 32 bytes in base64 are") from error


def put(state: State, account: str, vendor: str, grant: dict[str, Any], *, key: str,
        company: str, user: str) -> None:  # fmt: skip
    """Store a new authorization over whatever was there; the account is well from then on.

    Raises NotAllowed when the account was another company's.
    """
    connections.introduce(state, account, vendor, company=company, user=user)
    well = {"state": "ok", "said": "", "since": state.now(), "blocked_until": None}
    with state.write() as db:
        db.execute(
            update(table)
            .where(table.c.account == account)
            .values(encrypted_grant=_sealed(grant, key), **well)
        )


def read(state: State, account: str, *, key: str) -> Kept | None:
    """Return the grant, or None when there is none; raises NotAllowed for another key."""
    with state.read() as db:
        sealed = db.execute(_FOUND.where(table.c.account == account)).scalar_one_or_none()
    if sealed is None:
        return None
    try:
        return Kept(orjson.loads(Fernet(key).decrypt(sealed)), sealed)
    except InvalidToken as error:
        raise NotAllowed("the stored grant was encrypted with another key") from error


def is_kept(state: State, account: str) -> bool:
    """Whether there is a grant, of whatever key."""
    with state.read() as db:
        return db.execute(_FOUND.where(table.c.account == account)).scalar_one_or_none() is not None


def replace(state: State, account: str, seen: Kept, grant: dict[str, Any], *, key: str) -> bool:
    """Store the grant that `seen` was exchanged for; False when another is there by now."""
    sealed = _sealed(grant, key)
    with state.write() as db:
        changed = update(table).where(*_still(account, seen)).values(encrypted_grant=sealed)
        return bool(db.execute(changed).rowcount)


def refused(state: State, account: str, seen: Kept, said: str) -> bool:
    """Keep that a person has to sign in again; False when somebody has done so meanwhile."""
    with state.write() as db:
        row = db.execute(select(table.c.state).where(*_still(account, seen))).one_or_none()
        if row is None:
            return False
        since = {} if row.state == "needs_reauthorization" else {"since": state.now()}
        marked = {"state": "needs_reauthorization", "said": said, **since}
        return bool(db.execute(update(table).where(*_still(account, seen)).values(marked)).rowcount)


def forget(state: State, account: str, said: str) -> None:
    """The grant is gone from the database, and the account needs to be connected again."""
    marked = {"state": "needs_reauthorization", "said": said, "since": state.now()}
    with state.write() as db:
        db.execute(
            update(table).where(table.c.account == account).values(encrypted_grant=None, **marked)
        )


@contextmanager
def turn(state: State, account: str) -> Iterator[bool]:
    """Give True when it is this caller's turn to exchange the account's grant, else False.

    A process that died in its turn on this machine loses it at once, elsewhere within a minute.
    """
    name, holder = f"grant:{account}", f"refresh-{uuid4().hex[:12]}"
    is_ours = _took(state, name, holder)
    try:
        yield is_ours
    finally:
        if is_ours:
            _gave_back(state, name, holder)


def _took(state: State, name: str, holder: str) -> bool:
    now, me = state.now(), vars(lease.this_process())
    nobody = {"name": name, "holder": "", **me, "fence": 0, "taken_at": now, "expires_at": now}
    with state.write() as db:
        # The row is there before it is looked at, so that PostgreSQL has something to lock.
        db.execute(upsert(db, leases).values(nobody).on_conflict_do_nothing())
        row = db.execute(select(leases).where(leases.c.name == name).with_for_update()).one()
        if row.holder and row.expires_at > now and not lease.is_dead(row):
            return False
        mine = {"holder": holder, **me, "taken_at": now, "expires_at": now + TURN}
        db.execute(update(leases).where(leases.c.name == name).values(mine))
    return True


def _gave_back(state: State, name: str, holder: str) -> None:
    with state.write() as db:
        still_ours = (leases.c.name == name, leases.c.holder == holder)
        db.execute(update(leases).where(*still_ours).values(holder=""))


_FOUND = select(table.c.encrypted_grant)


def _still(account: str, seen: Kept) -> tuple[Any, ...]:
    return table.c.account == account, table.c.encrypted_grant == seen.sealed


def _sealed(grant: dict[str, Any], key: str) -> bytes:
    return Fernet(key).encrypt(orjson.dumps(grant))
