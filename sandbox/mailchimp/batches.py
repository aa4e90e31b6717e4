"""Batches: many calls in one, carried out later, one batch after the other.

pending --> preprocessing --> started --> finalizing --> finished
   each arrow takes `batch_step_s`; while started, each step carries out some of the operations

A batch waits as pending until those before it are finished. One that is deleted stops where it
is: what was carried out stays carried out, its results are gone.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson

from sandbox.books import Record
from sandbox.mailchimp.account import Account, stamp
from sandbox.mailchimp.call import Asked, Replied
from sandbox.mailchimp.problems import bad_request

Replay = Callable[[Asked], Replied]
Finished = Callable[[Account, Record], None]
UNFINISHED = ("pending", "preprocessing", "started", "finalizing")


def submit(account: Account, operations: list[dict[str, Any]], root: str) -> Record:
    """A pending batch in the books; `take_turns` sets it going."""
    batch_id = account.new_hex()
    return account.batches.put(
        batch_id,
        {
            "id": batch_id,
            "status": "pending",
            "total_operations": len(operations),
            "finished_operations": 0,
            "errored_operations": 0,
            "submitted_at": account.now(),
            "completed_at": "",
            "root": root,
            "operations": operations,
            "results": [],
        },
    )


def open_batches(account: Account) -> list[Record]:
    return [batch for batch in account.batches.live() if batch["status"] in UNFINISHED]


def is_kept(account: Account, batch: Record) -> bool:
    """Whether the vendor still knows of it: finished ones are forgotten after some days."""
    if not batch["completed_at"]:
        return True
    life = timedelta(days=account.assumed["batch_kept_days"])
    return datetime.fromisoformat(batch["completed_at"]) + life > account.world.clock.now()


def take_turns(account: Account, replay: Replay, tell: Finished) -> None:
    """Carry out all that is pending, unless somebody is at it already."""
    if not account.batch_at_work:
        _next_turn(account, replay, tell)


def _next_turn(account: Account, replay: Replay, tell: Finished) -> None:
    batch = next(iter(open_batches(account)), None)
    account.batch_at_work = batch["id"] if batch else ""
    if batch is not None:
        _later(account, replay, tell)


def _later(account: Account, replay: Replay, tell: Finished) -> None:
    """The next step waits on the clock; no closure, so that a world can be copied as it waits."""
    due = account.world.clock.now() + timedelta(seconds=account.assumed["batch_step_s"])
    account.world.clock.at(due, partial(_go_on, account, replay, tell))


def _go_on(account: Account, replay: Replay, tell: Finished) -> None:
    if _step(account, account.batch_at_work, replay):
        _later(account, replay, tell)
        return
    finished = account.batches.get(account.batch_at_work)
    if finished and not account.batches.is_deleted(finished["id"]):
        tell(account, finished)
    _next_turn(account, replay, tell)


def _step(account: Account, batch_id: str, replay: Replay) -> bool:
    """Take the batch one step on; False when there is nothing more to do for it."""
    batch = account.batches.get(batch_id)
    if batch is None or account.batches.is_deleted(batch_id):
        return False
    match batch["status"]:
        case "pending":
            changes: Record = {"status": "preprocessing"}
        case "preprocessing":
            changes = {"status": "started"}
        case "started":
            changes = _carry_out(account, batch, replay)
        case _:
            now = stamp(account.world.clock.now())
            changes = {"status": "finished", "completed_at": now}
    after = account.batches.put(batch_id, {**batch, **changes})
    return bool(after["status"] != "finished")


def _carry_out(account: Account, batch: Record, replay: Replay) -> Record:
    """The next operations, through the same table of calls as requests."""
    done = batch["finished_operations"]
    until = done + max(account.assumed["batch_operations_a_step"], 1)
    results = [_result(account, one, replay) for one in batch["operations"][done:until]]
    done += len(results)
    errors = sum(result["status_code"] >= 400 for result in results)
    return {
        "status": "finalizing" if done == batch["total_operations"] else "started",
        "finished_operations": done,
        "errored_operations": batch["errored_operations"] + errors,
        "results": [*batch["results"], *results],
    }


def _result(account: Account, operation: Mapping[str, Any], replay: Replay) -> dict[str, Any]:
    path, _, _ = operation["path"].partition("?")
    query = {name: _text(value) for name, value in (operation.get("params") or {}).items()}
    asked = Asked(operation["method"], path, query, (operation.get("body") or "").encode())
    is_nested = (asked.method, path.strip("/")) == ("POST", "batches")
    if is_nested and account.assumed["batch_in_batch"] == "refuse":
        refusal = bad_request("Batch requests cannot be made within a batch.")
        replied = Replied(400, refusal.body("", has_type=True))
    else:
        replied = replay(asked)
    return {
        "status_code": replied.status,
        "operation_id": operation.get("operation_id"),
        "response": "" if replied.body is None else orjson.dumps(replied.body).decode(),
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
