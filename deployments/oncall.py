"""What on-call is told of doubts and refusals, and how its decisions reach the state.

Definitions and vendors need not be reachable: names come from the state, horizons from
connections.yaml as far as it can be read, and from what an account has taught us since.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any
from uuid import uuid4

from deployments.definitions import load
from deployments.mistakes import nearest
from deployments.published import NothingPublishedError, ask
from deployments.trouble import OperatorError, UsageTrouble
from pipelines.kinds import kind_of_parts
from pipelines.pipedrive_side.remote_ids import is_possible
from pipelines.settings import Settings
from state import bots, deeds, doubts, horizons, lease
from state.database import State, open_state
from state.doubts import EVER, Doubt, Refusal, Verdict, Written
from state.errors import LeaseHeld, NotAllowed
from state.lease import Lease
from state.writers import sync_of, writers

# Settled after the audit saw it last, by a run or a person, it is not what the audit missed.
IS_LOST = """
FROM history.findings
WHERE finding = 'lost' AND closed_at IS NULL AND write_key = ? AND last_seen_at >= ?
"""
# What a write can be: the deeds of each kind's loading.py and seal.py, and the verbs of its plan.
OPERATIONS = (
    "create_list", "create_merge_var", "create_deal_field", "create_filter", "create_activity",
    "create_deal", "create_note", "create_person", "link_person", "create", "update", "move",
    "source", "replace", "delete", "tag",
)  # fmt: skip
PEOPLE = ("person", "audience_person", "audience_member")  # deeds that leave no reference there
MOST_COMPARED = 2_000  # keys held against a misspelt one: comparing is slow


class HeldError(OperatorError):
    """A run holds the sync, so nobody else may change it."""


@dataclass(frozen=True)
class Open:
    """A doubt with what follows from it. `decides_at` is the vendor's time; None: nothing waits
    for a horizon, or no connections.yaml says which one."""

    doubt: Doubt
    decides_at: datetime | None
    decides: str
    to_do: str

    def as_object(self) -> dict[str, Any]:
        after = {"decides_at": self.decides_at, "decides": self.decides, "to_do": self.to_do}
        return asdict(self.doubt) | {"sync": sync_of(self.doubt.sync)} | after


@contextmanager
def opened(settings: Settings) -> Iterator[State]:
    """The state database for as long as the block lasts."""
    settings.make_home()
    state = open_state(settings.state_url)
    try:
        yield state
    finally:
        state.close()


def chosen_writers(settings: Settings, state: State, sync: str | None) -> list[str]:
    """The writers of the sync asked for, its sweeps and its windows, or all of all syncs;
    UsageTrouble for a sync that neither state nor files know."""
    known = doubts.known_syncs(state)
    if sync is None:
        return known
    if writing := [one for one in writers(sync) if one in known]:
        return writing
    defined = load(settings, with_secrets=False).syncs
    if sync in defined:
        return []  # it never ran, so nothing of it can be open
    raise UsageTrouble(
        f"no sync is called {sync}" + _like(sync, [*known, *defined]) + " Nothing was changed"
    )


def open_doubts(settings: Settings, state: State, names: Sequence[str]) -> list[Open]:
    """Every doubt of these syncs, oldest first, with when it decides itself and what to do."""
    found = doubts.find(state, names)
    known = load(settings, with_secrets=False).connections
    # Without a connection only what its vendor taught us is known, perhaps nothing.
    configured = dict.fromkeys((doubt.account for doubt in found), 0.0)
    configured |= {name: known[name].horizon.list for name in configured if name in known}
    in_use = horizons.in_use(state, configured)
    return [_open(doubt, in_use[doubt.account]) for doubt in found]


def one_doubt(state: State, name: str) -> Doubt:
    """The doubt of that key or reference, whichever sync it is of; says what else was meant.

    What a run is sending right now is given as well: taking the lease names that run, or takes
    over from it if it died.
    """
    syncs = doubts.known_syncs(state)
    found = doubts.find(state, syncs)
    known = [one for sync in syncs if (one := doubts.named(state, sync, name))]
    if not known:
        raise UsageTrouble(_unknown("no sync has a", name, [doubt.key for doubt in found]))
    if len(known) > 1:
        of = ", ".join(one.sync for one in known)
        raise UsageTrouble(f"{name} is the name of writes of {of}: give an SL- reference instead")
    for doubt in found:
        if (doubt.sync, doubt.key) == (known[0].sync, known[0].key):
            return doubt
    if known[0].state == "sending":
        return Doubt(**asdict(known[0]), since=None, attempt=0, run_id="", held_up=0,
                     is_replaced=False)  # fmt: skip
    raise NotAllowed(_stands(known[0], "in doubt can be settled"))


def one_lost(settings: Settings, state: State, name: str) -> Written | None:
    """The done deed of that key or reference, if an audit missed it since it was settled."""
    for sync in doubts.known_syncs(state):
        known = doubts.named(state, sync, name)
        deed = deeds.by_key(state, known.key) if known else None
        if known is None or deed is None or deed.state != "done":
            continue
        with suppress(NothingPublishedError):
            if ask(settings.home, sync, IS_LOST, [known.key, deed.settled_at or EVER]).rows:
                return known
    return None


def refusals(
    state: State, writing: Sequence[str], keys: Sequence[str], **only: str | None
) -> list[Refusal]:
    """The refused writes of a sync's writers named by `keys`, or all, narrowed to a bot and an
    operation.

    One key that is unknown, or not refused, stops the whole: nothing was changed then.
    """
    if not writing:
        return []
    found = [one for name in writing for one in doubts.refused(state, name)]
    _require_known(state, sync_of(writing[0]), found, **only)
    if keys:
        wanted = {_refused_key(state, writing, key, found) for key in keys}
        found = [one for one in found if one.key in wanted]
    bot, operation = only.get("bot"), only.get("operation")
    return [
        one for one in found if bot in (None, one.bot_id) and operation in (None, one.operation)
    ]


def _require_known(
    state: State, sync: str, found: Sequence[Refusal], *, bot: str | None = None,
    operation: str | None = None,
) -> None:  # fmt: skip
    """UsageTrouble for a bot or an operation that the sync never had: a slip of the pen."""
    stored = bots.bots(state, sync)
    known = [one.bot_id for one in stored]
    if bot is not None and known and bot not in known:
        noun = kind_of_parts(one.definition for one in stored).part
        raise UsageTrouble(f"{sync} has no {noun} {bot}" + nearest(bot, known))
    operations = {*OPERATIONS, *(one.operation for one in found)}
    if operation is not None and operation not in operations:
        meant = nearest(operation, sorted(operations))
        raise UsageTrouble(f"there is no operation {operation}{meant}")


def waiting_for_bots(state: State, sync: str, rows: Sequence[Written]) -> list[str]:
    """Bots or flows of these writes, by noun and name, that do not run: nothing of theirs is sent
    by the next run."""
    stored = bots.bots(state, sync)
    noun = kind_of_parts(one.definition for one in stored).part
    stopped = {bot.bot_id for bot in stored if bot.state in ("paused", "deleted")}
    return [f"{noun} {one}" for one in sorted({row.bot_id for row in rows} & stopped)]


@contextmanager
def holding(state: State, sync: str, what: str) -> Iterator[Lease]:
    """The lease of a sync for one change; HeldError names who has it instead of waiting."""
    run_id = f"{what}-{state.now():%Y%m%d-%H%M%S}-{uuid4().hex[:6]}"
    try:
        held = lease.acquire(state, sync, run_id=run_id)
    except LeaseHeld as error:
        raise HeldError(
            f"{sync}: {error}. Nothing was changed: wait for it to end, then ask again"
        ) from error
    with lease.keeping(held):
        yield held


def settle(
    settings: Settings, state: State, doubt: Doubt, verdict: Verdict, *, by: str, remote_id: str
) -> None:
    """Take a person's word on a doubt, under the lease of its sync."""
    with holding(state, doubt.sync, "settle") as held:
        doubts.settle(held, doubt, verdict, by=by, home=settings.home, remote_id=remote_id)


def settle_lost(
    settings: Settings, state: State, lost: Written, verdict: Verdict, *, by: str, remote_id: str
) -> None:
    """Take a person's word on a done write that an audit calls lost, under the lease of its sync.

    NotAllowed when somebody else's word or a run was faster: two words would send it twice.
    """
    with holding(state, lost.sync, "settle") as held:
        if one_lost(settings, state, lost.key) is None:
            raise NotAllowed(f"{lost.key} has been settled meanwhile; nothing was changed")
        if verdict == "happened":
            doubts.done_happened(held, lost, by=by, home=settings.home, remote_id=remote_id)
        else:
            doubts.send_lost_again(held, lost, by=by, home=settings.home)


def one_by_hand(settings: Settings, state: State, name: str) -> Written | None:
    """The deed of that key or reference, if a person said of it that it happened."""
    for sync in doubts.known_syncs(state):
        known = doubts.named(state, sync, name)
        if known is None or known.kind != "deed":
            continue
        if doubts.is_by_hand(settings.home, known):
            return known
    return None


def tie_again(
    settings: Settings, state: State, settled: Written, *, by: str, remote_id: str
) -> None:
    """Replace the id in a person's word, under the lease of its sync."""
    with holding(state, settled.sync, "settle") as held:
        known = doubts.named(state, settled.sync, settled.key)
        if known is None or not doubts.is_by_hand(settings.home, known):
            raise NotAllowed(f"{settled.key} has been settled meanwhile; nothing was changed")
        doubts.done_happened(held, known, by=by, home=settings.home, remote_id=remote_id)


def refuse_impossible_id(about: Written, remote_id: str) -> None:
    """UsageTrouble for what the vendor cannot have called it. It is not asked whether it exists."""
    if about.kind == "deed" and remote_id and not is_possible(about.object, remote_id):
        noun = about.object.removesuffix("_link").removeprefix("audience_")
        raise UsageTrouble(
            f"{remote_id!r} is the id of no {noun}: ids of Pipedrive's are numbers, and a {noun}'s "
            "is the last part of the address it has in the browser. Nothing was changed"
        )


def retry(state: State, rows: Sequence[Refusal]) -> int:
    """Make refused writes due now, each under the lease of its writer; return how many."""
    due = 0
    for writer in sorted({row.sync for row in rows}):
        with holding(state, writer, "retry") as held:
            due += doubts.retry(held, [row for row in rows if row.sync == writer])
    return due


def _open(doubt: Doubt, horizon: float) -> Open:
    sync = sync_of(doubt.sync)
    look = f"look in {doubt.account} for {_what_to_look_for(doubt)}"
    name = doubt.reference or f"'{doubt.key}'"
    say = f"say what you saw: syncline settle {name} --happened | --send-again"
    again = f"syncline run {sync}"
    if doubt.kind == "setting":
        return Open(doubt, None, "by the next run, which reads it back", f"{again}; or {say}")
    if doubt.since is None or not horizon:
        unknown = f"by a run after the horizon of {doubt.account}, which no file says"
        return Open(doubt, None, unknown, f"{again}; or {look} and {say}")
    at = doubt.since + timedelta(seconds=horizon)
    decides = f"by a run after {at:%Y-%m-%d %H:%M:%S} UTC, sooner if that finds it"
    return Open(doubt, at, decides, f"{again}; or {look} and {say}")


def _what_to_look_for(doubt: Doubt) -> str:
    """The reference, where the thing shows one; people show their addresses and nothing of ours.

    No address leaves the state: the published plan has it.
    """
    if doubt.object not in PEOPLE:
        return doubt.reference or f"{doubt.object} {doubt.subject}"
    query = f"select email from plan.persons where write_key = '{doubt.key}'"
    return f'the address that this tells: syncline sql {sync_of(doubt.sync)} "{query}";'


def _refused_key(state: State, writing: Sequence[str], name: str, found: Sequence[Refusal]) -> str:
    known = next(filter(None, (doubts.named(state, one, name) for one in writing)), None)
    if known is None:
        keys = [one.key for one in found]
        raise UsageTrouble(_unknown(f"{sync_of(writing[0])} has no", name, keys))
    if known.state != "refused":
        raise NotAllowed(_stands(known, "refused can be tried again"))
    return known.key


def _unknown(who: str, name: str, keys: Sequence[str]) -> str:
    return f"{who} write called {name}" + _like(name, keys) + " Nothing was changed"


def _stands(known: Written, what: str) -> str:
    return f"{known.key} is {known.state}: only what is {what}; nothing was changed"


def _like(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known[:MOST_COMPARED], n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(close)}?" if close else "."
