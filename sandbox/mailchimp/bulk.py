"""POST /lists/{list_id}: many members at once, answered 200 whatever became of each row."""

from collections.abc import Mapping
from typing import Any

from sandbox.books import Record
from sandbox.mailchimp.call import Call, kind_of
from sandbox.mailchimp.kinds import check_types
from sandbox.mailchimp.links import link
from sandbox.mailchimp.member_calls import change_member, create_member
from sandbox.mailchimp.member_shape import show_members
from sandbox.mailchimp.member_writes import asked_status, check_kinds, tag_names
from sandbox.mailchimp.membership import checked_email, write_member
from sandbox.mailchimp.problems import ProblemError, bad_request, invalid
from sandbox.mailchimp.route import Route
from sandbox.mailchimp.tags import with_tags_named

MOST_ROWS = 500
EXISTS, GENERIC = "ERROR_CONTACT_EXISTS", "ERROR_GENERIC"


class RowRefusedError(Exception):
    """One row of many is not done; `code` says whether because the member exists."""

    def __init__(self, said: str, code: str = GENERIC, field: str = "", hint: str = "") -> None:
        super().__init__(said)
        self.said, self.code, self.field, self.hint = said, code, field, hint

    def told(self, row: Any) -> dict[str, str]:
        email = row.get("email_address", "") if isinstance(row, Mapping) else ""
        told = {"email_address": str(email), "error": self.said, "error_code": self.code}
        return told | {"field": self.field, "field_message": self.hint}


def subscribe_many(call: Call) -> dict[str, Any]:
    list_id, body = call.list_id, call.body()
    check_types(body, {"update_existing": bool, "sync_tags": bool})
    rows = body.get("members")
    if not isinstance(rows, list):
        raise invalid(("members", f"Schema describes array, {kind_of(rows)} found instead"))
    if len(rows) > MOST_ROWS:
        raise bad_request(f"The members array must have no more than {MOST_ROWS} members.")
    new, updated, errors = list[Record](), list[Record](), list[dict[str, str]]()
    seen: set[str] = set()
    for row in rows:
        try:
            known = _known(call, list_id, row, seen)
            if known is None:
                new.append(_add(call, row))
            elif known:
                updated.append(_update(call, known, row, body))
        except RowRefusedError as refused:
            errors.append(refused.told(row))
        except ProblemError as problem:
            errors.append(_refused(problem).told(row))
    return {
        "new_members": show_members(call, new),
        "updated_members": show_members(call, updated),
        "errors": errors,
        "total_created": len(new),
        "total_updated": len(updated),
        "error_count": len(errors),
        "_links": [link("self", call.url(f"/lists/{list_id}"))],
    }


def _known(call: Call, list_id: str, row: Any, seen: set[str]) -> Record | None:
    """The member a row is about, None when it is nobody yet; empty: pass over the row."""
    if not isinstance(row, Mapping):
        raise RowRefusedError(f"Schema describes object, {kind_of(row)} found instead")
    check_kinds(row)
    email = checked_email(call.account, row.get("email_address"))
    if email.lower() in seen:
        if call.flag("skip_duplicate_check"):
            return {}
        said = f"{email} appears more than once in this request"
        raise RowRefusedError(said, field="email_address", hint="Duplicate address")
    seen.add(email.lower())
    return call.account.members.find(list_id, email)


def _add(call: Call, row: Mapping[str, Any]) -> Record:
    if not row.get("status"):
        raise RowRefusedError("Required fields were not provided: status", field="status")
    email = checked_email(call.account, row["email_address"])
    return create_member(call, email, row, _tags(call, row))


def _update(call: Call, known: Record, row: Mapping[str, Any], body: Mapping[str, Any]) -> Record:
    if body.get("update_existing") is not True:
        said = f"{known['email_address']} is already a list member, do you want to update? "
        raise RowRefusedError(f"{said}please provide update_existing:true in the request", EXISTS)
    tags = _tags(call, row)
    after = change_member(call, known, row, status=asked_status(row, "status"))
    kept = {**after, "tags": {}} if body.get("sync_tags") is True else after
    tagged = with_tags_named(call.account, kept, tags)
    added = {tag_id: after["tags"].get(tag_id, on) for tag_id, on in tagged["tags"].items()}
    if added == after["tags"]:
        return after
    return write_member(call.account, after, {**after, "tags": added}, "api")


def _tags(call: Call, row: Mapping[str, Any]) -> list[str]:
    return tag_names(row.get("tags", [])) if call.account.assumed["batch_rows_take_tags"] else []


def _refused(problem: ProblemError) -> RowRefusedError:
    """A problem of one member as the error of its row."""
    code = EXISTS if problem.title == "Member Exists" else GENERIC
    field, hint = problem.errors[0] if problem.errors else ("", "")
    return RowRefusedError(problem.detail, code, field, hint)


ROUTES = [Route("POST", "/lists/{list_id}", subscribe_many)]
