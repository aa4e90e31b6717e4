"""Erase a person from everything kept here, and keep them out (ALL-11).

Every sync stands still meanwhile: one that runs would write what it read before. What is not
ours to change is said: records at the vendors, copies somebody made.
"""

from collections.abc import Callable
from contextlib import ExitStack

from deployments.definitions import load
from deployments.oncall import holding
from deployments.trouble import UsageTrouble
from pipelines.kinds import KINDS
from pipelines.settings import PipedriveConnection, Settings
from state import connections as known_accounts
from state import consent, doubts, erasure
from state.database import State
from state.erasure import Traces
from state.inbox import FILE, Inbox
from state.writers import sync_of

FOLDERS = ("work", "history", "published")


class AddressUsageError(UsageTrouble):
    """What was given cannot be the address of a person."""


def look(state: State, address: str) -> Traces:
    """What is known of an address, and nothing changed; AddressUsageError for another text."""
    name, _, host = address.strip().partition("@")
    if not name or not host or any(one.isspace() for one in address.strip()):
        raise AddressUsageError(
            f"{address!r} is no e-mail address: give the one the person had on the list"
        )
    return erasure.find(state, address)


def forget(settings: Settings, state: State, traces: Traces, say: Callable[[str], object]) -> None:
    """Erase them. HeldError before anything is changed; FileHeld leaves the rest to be
    done by asking again."""
    syncs = _syncs(settings, state)
    accounts = _accounts(settings, state)
    with ExitStack() as stack:
        for name in [*syncs, *_windows(state)]:
            stack.enter_context(holding(state, name, "forget"))
        key = consent.read_key(settings.home)
        erasure.bury(state, accounts, traces, key=key, home=settings.home)
        say(f"barred for good in {', '.join(accounts) or 'no account: none is known'}")
        for sync in syncs:
            if _has_files(settings, sync):
                erasure.erase_files(settings.home, sync, traces)
                say(f"{sync}: erased; its next run reads everything anew")
        if (settings.home / FILE).exists():
            inbox = Inbox(settings.home)
            try:
                inbox.forget_person(traces.addresses)
            finally:
                inbox.close()
        erasure.erase_state(state, traces)


def _syncs(settings: Settings, state: State) -> list[str]:
    """Every sync the state, a file in the home or a definition names."""
    found = set(doubts.known_syncs(state)) | set(load(settings, with_secrets=False).syncs)
    for folder in FOLDERS:
        found |= {file.stem for file in (settings.home / folder).glob("*.duckdb")}
    # A listener, which no sync can be called like, stores what it is sent and writes to nobody.
    return sorted(name for name in found if ":" not in name)


def _windows(state: State) -> list[str]:
    """What writes in real time beside the sweeps of a sync, under a lease of its own."""
    return [name for name in doubts.known_syncs(state) if sync_of(name) != name]


def _accounts(settings: Settings, state: State) -> list[str]:
    """Every account that sends mails, of the files and of the state."""
    listed = load(settings, with_secrets=False).connections
    found = {name for name, one in listed.items() if not isinstance(one, PipedriveConnection)}
    senders = {kind.engagement for kind in KINDS.values()}
    found |= {one.account for one in known_accounts.connections(state) if one.vendor in senders}
    return sorted(found)


def _has_files(settings: Settings, sync: str) -> bool:
    return any((settings.home / folder / f"{sync}.duckdb").exists() for folder in FOLDERS)
