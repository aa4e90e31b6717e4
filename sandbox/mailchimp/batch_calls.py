"""`/batches`, and the page outside the API that serves what they left behind.

The results' address is open to whoever has it, and only for minutes: each GET of the batch gives
a new one.
"""

import hashlib
from datetime import timedelta
from typing import Any

from sandbox.books import Record
from sandbox.mailchimp.account import Account, alive
from sandbox.mailchimp.batch_results import pack
from sandbox.mailchimp.batches import is_kept, open_batches, submit, take_turns
from sandbox.mailchimp.call import Call, kind_of
from sandbox.mailchimp.links import link, links_of_many
from sandbox.mailchimp.notices import tell_of_batch
from sandbox.mailchimp.problems import FieldError, ProblemError, bad_request, invalid, not_found
from sandbox.mailchimp.route import Route
from sandbox.vendor import Answer, Request

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
RESULTS = "/batch-results/"
ENDING = "-response.tar.gz"
XML = {"content-type": "application/xml"}


def start_batch(call: Call) -> dict[str, Any]:
    account, operations = call.account, call.body().get("operations")
    if not isinstance(operations, list) or not operations:
        said = f"Schema describes array, {kind_of(operations)} found instead"
        raise invalid(("operations", "This value should not be blank." if not operations else said))
    if wrong := [error for place, one in enumerate(operations) for error in _errors(place, one)]:
        raise invalid(*wrong)
    most = account.assumed["batch_operations_most"]
    if most and len(operations) > most:
        raise bad_request(f"A batch may hold at most {most} operations.")
    most_open = account.assumed["batch_open_most"]
    if len(open_batches(account)) >= most_open:
        said = f"You have exceeded the limit of {most_open} pending batches."
        raise ProblemError(429, "Too Many Requests", said)
    batch = submit(account, operations, call.root)
    take_turns(account, call.replay, _tell)
    return shown(account, batch)


def _tell(account: Account, batch: Record) -> None:
    tell_of_batch(account, batch, results_url(account, batch))


def _errors(place: int, operation: Any) -> list[FieldError]:
    """What is wrong with one operation, named as the vendor names members of a list."""
    name = f"operations.item:{place}"
    if not isinstance(operation, dict):
        return [(name, f"Schema describes object, {kind_of(operation)} found instead")]
    found: list[FieldError] = []
    if operation.get("method") not in METHODS:
        found.append((f"{name}.method", f"Value must be one of these: {', '.join(METHODS)}"))
    if not operation.get("path"):
        found.append((f"{name}.path", "This value should not be blank."))
    for member, kind in (("path", str), ("body", str), ("operation_id", str), ("params", dict)):
        value = operation.get(member)
        if value is not None and not isinstance(value, kind):
            told = f"Schema describes {kind_of(kind())}, {kind_of(value)} found instead"
            found.append((f"{name}.{member}", told))
    return found


def list_batches(call: Call) -> dict[str, Any]:
    found = [batch for batch in call.account.batches.live() if is_kept(call.account, batch)]
    return {
        "batches": [shown(call.account, batch) for batch in call.page_of(found)],
        "total_items": len(found),
        "_links": links_of_many(call.url("/batches"), "Batches"),
    }


def show_batch(call: Call) -> dict[str, Any]:
    return shown(call.account, _the_batch(call))


def delete_batch(call: Call) -> None:
    """Stops it where it is."""
    batch = _the_batch(call)
    call.account.batches.delete(batch["id"], {**batch, "operations": [], "results": []})


def _the_batch(call: Call) -> Record:
    batch = alive(call.account.batches, call.path["batch_id"])
    if not is_kept(call.account, batch):
        raise not_found()
    return batch


def shown(account: Account, batch: Record) -> dict[str, Any]:
    told = {
        name: batch[name]
        for name in (
            "id", "status", "total_operations", "finished_operations", "errored_operations",
            "submitted_at", "completed_at",
        )
    }  # fmt: skip
    href = f"{batch['root']}/batches/{batch['id']}"
    return {
        **told,
        "response_body_url": results_url(account, batch),
        "_links": [link("self", href, schema="Batches/Response"), link("delete", href, "DELETE")],
    }


def results_url(account: Account, batch: Record) -> str:
    """Where the results can be fetched by anybody from now on, for minutes; "" before the end."""
    if batch["status"] != "finished":
        return ""
    life = timedelta(minutes=account.assumed["batch_results_open_minutes"])
    until = int((account.world.clock.now() + life).timestamp())
    key = _key(account, batch["id"], until)
    place = f"{batch['root'].removesuffix('/3.0')}{RESULTS}{batch['id']}{ENDING}"
    return f"{place}?Expires={until}&Signature={key}"


def serve_results(accounts: tuple[Account, ...], request: Request) -> Answer:
    """The archive for the address that `results_url` gave; the store's refusal otherwise."""
    batch_id = request.path.removeprefix(RESULTS).removesuffix(ENDING)
    query = dict(request.query)
    until = query.get("Expires", "")
    for account in accounts:
        batch = account.batches.get(batch_id)
        if batch is None or query.get("Signature") != _key(account, batch_id, until):
            continue
        if int(until) < request.at.timestamp():
            return _denied("Request has expired")
        if account.batches.is_deleted(batch_id) or not is_kept(account, batch):
            return Answer(404, XML, b"<Error><Code>NoSuchKey</Code></Error>")
        is_on = bool(account.assumed["batch_has_empty_file"])
        packed = pack(batch_id, batch["results"], with_empty_file=is_on)
        return Answer(200, {"content-type": "application/gzip"}, packed)
    return _denied("Access Denied")


def _key(account: Account, batch_id: str, until: object) -> str:
    drawn = f"{account.world.seed}/{account.name}/{batch_id}/{until}"
    return hashlib.sha256(drawn.encode()).hexdigest()[:28]


def _denied(said: str) -> Answer:
    body = f"<Error><Code>AccessDenied</Code><Message>{said}</Message></Error>"
    return Answer(403, XML, body.encode())


ROUTES = [
    Route("POST", "/batches", start_batch),
    Route("GET", "/batches", list_batches),
    Route("GET", "/batches/{batch_id}", show_batch),
    Route("DELETE", "/batches/{batch_id}", delete_batch),
]
