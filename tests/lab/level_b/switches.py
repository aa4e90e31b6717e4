"""Protections that can be switched off, one at a time, to see whether the lab turns red.

Nothing in the product is edited: what protects is wrapped while a `without` block lasts.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import duckdb
import orjson

from pipelines.accounts import open_accounts
from pipelines.mailigen_pipedrive import extract, flow, guards, life, seal, tables, writes
from pipelines.mailigen_pipedrive import run as product
from state import lease as leases
from state.deeds import Deed
from state.settings import Setting
from tests.lab.level_b.lab import Lab, Live
from tests.lab.level_b.story import Regime
from transforms.build import build

Wrap = tuple[Any, str, Any]  # whose attribute, which, by what


@dataclass(frozen=True)
class Switch:
    """What is wrapped, and the weather in which it matters. `wraps` is asked per block, so that
    what a switch remembers does not outlive it."""

    regime: Regime
    wraps: Callable[[Lab], list[Wrap]]


@contextmanager
def without(protection: str, lab: Lab) -> Iterator[None]:
    """While this lasts, a protection is missing; an empty name switches nothing off."""
    with ExitStack() as stack:
        for target, name, wrapped in SWITCHES[protection].wraps(lab) if protection else ():
            stack.enter_context(patch.object(target, name, wrapped))
        yield


def _no_intent(lab: Lab) -> list[Wrap]:
    """What a crash leaves when claims are not durable before the request leaves."""
    run = Live.run

    def ran(live: Live, **given: Any) -> Any:
        outcome = run(live, **given)
        if outcome is None:
            with lab.engine.connect() as db:
                for name in ("deeds", "settings"):
                    db.exec_driver_sql(
                        f"UPDATE {name} SET state = 'planned' WHERE state = 'sending'"
                    )
                db.commit()
        return outcome

    return [(Live, "run", ran)]


def _no_marker(_: Lab) -> list[Wrap]:
    """Deeds carry no reference, so nothing that was written can be known again."""
    return [
        (writer, "send", _sending_unmarked(writer.send))
        for writer in (writes.Activities, writes.Deals, writes.Notes)
    ]


def _sending_unmarked(send: Callable[[Any, Deed], str]) -> Callable[[Any, Deed], str]:
    def sent(writer: Any, deed: Deed) -> str:
        unmarked = replace(deed)
        object.__setattr__(unmarked, "marker", "SL-NONE")
        return send(writer, unmarked)

    return sent


def _no_read_back(_: Lab) -> list[Wrap]:
    return [
        (writer, "find", lambda _writer, _deed: None)
        for writer in (writes.Activities, writes.Deals, writes.Notes)
    ]


def _no_horizon(_: Lab) -> list[Wrap]:
    """What the vendor does not show at once counts as never written."""
    opened = open_accounts

    @contextmanager
    def opened_blind(*given: Any) -> Iterator[Any]:
        with opened(*given) as accounts:
            yield replace(accounts, horizons=dict.fromkeys(accounts.horizons, 0.0))

    return [(product, "open_accounts", opened_blind)]


def _no_lease(lab: Lab) -> list[Wrap]:
    """Everybody may run at any time, on the same books."""
    held_by = type(lab.files).held_by

    def held_anyway(files: Any, *given: Any) -> Any:
        files._holder = None
        return held_by(files, *given)

    return [
        (leases, "check_fence", lambda _db, _lease: None),
        (type(lab.files), "held_by", held_anyway),
    ]


def _key_of_the_run(_: Lab) -> list[Wrap]:
    unkeyed = seal._deeds

    def deeds(sweep: Any) -> Iterator[Deed]:
        for one in unkeyed(sweep):
            yield replace(one, write_key=f"{one.write_key}|{sweep.run_id}")

    return [(seal, "_deeds", deeds)]


def _no_generations(_: Lab) -> list[Wrap]:
    """A fingerprint a row, as tools keep it: a value once written is never written again."""
    planned = seal._members
    begun = Lab.begin
    known: set[tuple[str, bytes]] = set()

    def begin(lab: Lab) -> Live:
        known.clear()
        return begun(lab)

    def members(sweep: Any) -> Iterator[tuple[str, Setting]]:
        for key, setting in planned(sweep):
            print_of_it = (setting.subject, orjson.dumps(setting.desired))
            if print_of_it not in known:
                known.add(print_of_it)
                yield key, setting

    return [(seal, "_members", members), (Lab, "begin", begin)]


def _no_consent(_: Lab) -> list[Wrap]:
    """Nobody remembers who left, and who is in state or on the list as gone does not count."""
    return [
        (life, "remember_opt_outs", lambda _sweep: None),
        (flow, "build", _emptying(build, "resolve.consent")),
        (tables, "write_consent", _empty_consent(tables.write_consent)),
    ]


def _emptying(built_by: Callable[..., None], emptied: str) -> Callable[..., None]:
    def built(db: duckdb.DuckDBPyConnection, sync: str, *names: str) -> None:
        for name in names:
            built_by(db, sync, name)
            if name == emptied:
                db.execute(f"DELETE FROM {emptied}")

    return built


def _empty_consent(write: Callable[[Any], None]) -> Callable[[Any], None]:
    def written(sweep: Any) -> None:
        write(sweep)
        sweep.db.execute("DELETE FROM staging.syncline__consent")

    return written


def _no_guard(_: Lab) -> list[Wrap]:
    return [(guards, "reasons", lambda *_: [])]


def _no_count(_: Lab) -> list[Wrap]:
    return [(extract, "_shortfall", lambda *_: "")]


def _no_confirmation(_: Lab) -> list[Wrap]:
    """Whoever is not in the filter any more counts as deleted in the CRM."""
    return [(extract, "_is_gone", lambda *_: True)]


def _no_baseline(_: Lab) -> list[Wrap]:
    return [(tables, "_counting_since", lambda *_: tables.FIRST_SWEEP)]


def _at_once(_: Lab) -> list[Wrap]:
    """A change of state asks nobody whether the lease is still ours."""
    return [(leases, "check_fence", lambda _db, _lease: None)]


SWITCHES: dict[str, Switch] = {
    "intent before send": Switch("inside", _no_intent),
    "marker": Switch("inside", _no_marker),
    "read-back": Switch("inside", _no_read_back),
    "horizon": Switch("inside", _no_horizon),
    "lease and fence": Switch("frozen", _no_lease),
    "fence": Switch("frozen", _at_once),
    "key from facts": Switch("inside", _key_of_the_run),
    "generations": Switch("inside", _no_generations),
    "consent": Switch("inside", _no_consent),
    "guard": Switch("inside", _no_guard),
    "count audit": Switch("inside", _no_count),
    "confirmed deletes": Switch("inside", _no_confirmation),
    "baseline": Switch("inside", _no_baseline),
}
