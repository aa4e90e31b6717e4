"""What no vendor can give back, written into the keep file by each run and read by `adopt`.

Bots (active or not, since when they count, their pauses and the edits of their rules) and who
is who, where the persons' records alone would tell another story: contacts that moved, merged,
changed hands, or whose person has left the list. Opt-outs are kept where they are recorded, and
what an operator changes between two runs is kept by the command.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.sweep import Sweep
from state import bots, consent, keep, restore
from state.consent import FOR_GOOD, RANKS
from state.database import State


@dataclass(frozen=True)
class OptOut:
    """The last word on one address, by its hash."""

    kind: str
    evidence: str
    at: datetime


@dataclass(frozen=True)
class Kept:
    """The keep file as far as it concerns one sync. Without `is_readable` its hashes are by
    another key, or there is no file: nobody who left can be told by it."""

    is_readable: bool = False
    bots: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    opt_outs: Mapping[str, OptOut] = field(default_factory=dict)
    contacts: Sequence[Mapping[str, Any]] = ()
    addresses: Sequence[Mapping[str, Any]] = ()
    lineage: Sequence[Mapping[str, Any]] = ()
    links: Sequence[Mapping[str, Any]] = ()  # of records in any account
    settled: Mapping[str, str | None] = field(default_factory=dict)  # write key -> remote id

    @property
    def highest_sweep(self) -> int:
        """The highest sweep anything in the file speaks of."""
        spoken = [bot["counting_since"] for bot in self.bots.values()]
        spoken += [since for bot in self.bots.values() for _, since in bot["rules"].values()]
        spoken += [edge for bot in self.bots.values() for pause in bot["pauses"] for edge in pause]
        spoken += [one[edge] for one in self.addresses for edge in ("from_sweep", "until_sweep")]
        spoken += [one["up_to_sweep"] for one in self.lineage]
        return max((sweep for sweep in spoken if sweep is not None), default=0)


def write(sweep: Sweep, account: str, *, linked: Collection[str] = ()) -> None:
    """Add what has changed since it was last kept; a quiet run adds nothing.

    `account` is the one in which the kind's contacts are founded. `linked` are the kinds of records
    whose links no reference at the vendor tells again. Reads resolve.consent.
    """
    key = sweep.consent_key
    barred = [str(one) for (one,) in sweep.db.execute(BARRED).fetchall()]
    who = restore.remarkable(sweep.state, account, barred, key=key, linked=linked)
    known = keep.standings(sweep.home)
    fingerprint = keep.fingerprint(key)
    wanted: dict[keep.Subject, list[dict[str, Any]]] = {
        "activation": _bots(sweep.state, sweep.definition.name),
        "contact": who.contacts,
        "address": who.addresses,
        "lineage": who.lineage,
        "link": who.links,
    }
    if (fingerprint,) not in known["key"] and _has_kept_opt_outs(sweep):
        wanted["key"] = [{"fingerprint": fingerprint}]
    keep.append_changed(sweep.home, known, wanted)


def write_bots(home: Path, state: State, sync: str) -> None:
    """Keep how the bots of a sync stand, once somebody changed that between two runs."""
    keep.append_changed(home, keep.standings(home), {"activation": _bots(state, sync)})


def read(home: Path, sync: str, founded_in: str, engagement: str, *, key: bytes) -> Kept:
    """Return what the file says of a sync, of the account its contacts are founded in, and of the
    one that opt-outs are about; each thing as it stood last."""
    stood = keep.standings(home)
    of_account = {
        subject: [one for one in stood[subject].values() if one["account"] == founded_in]
        for subject in ("contact", "address", "lineage")
    }
    return Kept(
        is_readable=(keep.fingerprint(key),) in stood["key"],
        bots={one["bot_id"]: one for one in stood["activation"].values() if one["sync"] == sync},
        opt_outs=_opt_outs(home, engagement),
        contacts=of_account["contact"],
        addresses=of_account["address"],
        lineage=of_account["lineage"],
        links=[one for one in stood["link"].values() if not one["is_gone"]],
        settled=_settled(home, sync),
    )


def _has_kept_opt_outs(sweep: Sweep) -> bool:
    """Bring a file that has no key yet up to every opt-out in force, of whichever account: with
    the key it vouches for all of them. False if that cannot be: some are by another key."""
    entries = consent.all_in_force(sweep.state, key=sweep.consent_key)
    if entries is None:
        return False
    accounts = {one.account for one in entries}
    told = {account: _opt_outs(sweep.home, account) for account in accounts}
    missing = [
        one._asdict() | {"at": one.at.isoformat()}
        for one in entries
        if (before := told[one.account].get(one.address_hash)) is None
        or RANKS[before.kind] < RANKS[one.kind]
    ]
    keep.append(sweep.home, "consent", missing)
    return True


def _settled(home: Path, sync: str) -> dict[str, str | None]:
    """What happened by a person's last word on it: "send again" takes an earlier one back."""
    last = {key: said[-1] for key, said in keep.words(home, sync).items()}
    return {
        key: word.get("remote_id") for key, word in last.items()
        if word.get("verdict") == "happened"
    }  # fmt: skip


def _bots(state: State, name: str) -> list[dict[str, Any]]:
    rules: dict[str, dict[str, list[int]]] = {}
    for row in bots.read_rules(state, name).to_pylist():
        mine = rules.setdefault(row["bot_id"], {})
        mine[row["rule_id"]] = [int(row["threshold"]), int(row["effective_since"])]
    return [
        {
            "sync": name, "bot_id": bot.bot_id, "state": bot.state, "reason": bot.reason,
            "paused_by": bot.paused_by, "confirmed_by": bot.confirmed_by,
            "confirmed_on": bot.confirmed_on and bot.confirmed_on.isoformat(),
            "activated_at": bot.activated_at and bot.activated_at.isoformat(),
            "counting_since": bot.counting_since,
            "pauses": [list(pause) for pause in bot.pauses],
            "rules": rules.get(bot.bot_id, {}),
        }
        for bot in bots.bots(state, name)
    ]  # fmt: skip


def _opt_outs(home: Path, account: str) -> dict[str, OptOut]:
    """Replay the happenings: a stronger kind replaces a weaker one, an own act lifts all that
    is not for good."""
    found: dict[str, OptOut] = {}
    for line in keep.read(home):
        subject, hashed = line.get("subject"), line.get("address_hash")
        if hashed is None or line.get("account", account) != account:
            continue
        before = found.get(hashed)
        if subject == "lifted":
            if before is not None and before.kind not in FOR_GOOD:
                del found[hashed]
        elif subject in ("consent", "tombstone"):
            kind = "forgotten" if subject == "tombstone" else str(line["kind"])
            if before is None or RANKS.get(kind, 0) > RANKS[before.kind]:
                at = datetime.fromisoformat(line["at"])
                found[hashed] = OptOut(kind, str(line.get("evidence", "")), at)
    return found


BARRED = "SELECT contact_id FROM resolve.consent ORDER BY contact_id"
