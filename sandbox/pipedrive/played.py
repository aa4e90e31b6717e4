"""Events of the control surface: what happens at Pipedrive without an API call.

{"kind": "mail_in" | "mail_out", "person": id, "at": RFC 3339 or absent}
{"kind": "demote" | "promote", "user": id}      admin rights of a user
{"kind": "revoke_token" | "restore_token", "token": text}
{"kind": "revoke_grant", "user": id}            the user uninstalls the app
{"kind": "expire_access", "user": id}           the hour of the access tokens is over
{"kind": "expire_grant", "user": id}            ... and 60 days without a refresh
"""

from collections.abc import Mapping
from typing import Any

from sandbox.pipedrive.access import Access
from sandbox.pipedrive.call import rfc3339
from sandbox.pipedrive.company import Company

KINDS = (
    "mail_in", "mail_out", "demote", "promote", "revoke_token", "restore_token",
    "revoke_grant", "expire_access", "expire_grant",
)  # fmt: skip
MAIL = {"mail_in": "last_incoming_mail_time", "mail_out": "last_outgoing_mail_time"}


def play(company: Company, access: Access, event: Mapping[str, Any]) -> dict[str, Any]:
    """What the event left behind; ValueError when it cannot happen."""
    match event.get("kind"):
        case "mail_in" | "mail_out" as kind:
            return _mail(company, MAIL[kind], event)
        case "demote" | "promote" as kind:
            return _set_admin(company, event.get("user"), is_admin=kind == "promote")
        case "revoke_token" | "restore_token" as kind:
            return _set_token(access, str(event.get("token")), is_revoked=kind == "revoke_token")
        case "revoke_grant" | "expire_access" | "expire_grant" as kind:
            return _end_grant(company, access, kind, event.get("user"))
    raise ValueError(f"kind is one of {', '.join(KINDS)}")


def _mail(company: Company, member: str, event: Mapping[str, Any]) -> dict[str, Any]:
    person = company.live("persons", event.get("person"))
    if person is None:
        raise ValueError(f"no person {event.get('person')}")
    at = str(event.get("at") or rfc3339(company.world.clock.now()))
    company.mail_times[person["id"]][member] = at
    return {"person": person["id"], member: at}


def _set_admin(company: Company, user_id: Any, *, is_admin: bool) -> dict[str, Any]:
    user = company.user(user_id)
    if user is None:
        raise ValueError(f"no user {user_id}")
    access = [entry | {"admin": is_admin} for entry in user["access"]]
    company.books["users"].put(user["id"], user | {"access": access})
    return {"user": user["id"], "is_admin": is_admin}


def _set_token(access: Access, token: str, *, is_revoked: bool) -> dict[str, Any]:
    if token not in access.api_tokens:
        raise ValueError(f"no token {token!r}")
    if is_revoked:
        access.revoked.add(token)
    else:
        access.revoked.discard(token)
    return {"token": token, "is_revoked": is_revoked}


def _end_grant(company: Company, access: Access, kind: str, user_id: Any) -> dict[str, Any]:
    if company.user(user_id) is None:
        raise ValueError(f"no user {user_id}")
    if kind == "revoke_grant":
        ended = access.oauth.forget(user_id)
    else:
        now = company.world.clock.now()
        ended = access.oauth.expire(user_id, now, is_unused=kind == "expire_grant")
    return {"user": user_id, "tokens_ended": ended}
