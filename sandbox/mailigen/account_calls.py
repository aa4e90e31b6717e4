"""The calls about the account, its keys and its suppression list."""

from typing import Any

from sandbox.mailigen.account import ADMIN_KEY, OWNER_EMAIL, RESTRICTED_KEY, Account
from sandbox.mailigen.errors import MailigenError
from sandbox.mailigen.forms import Form
from sandbox.mailigen.member_calls import MOST_MEMBERS, batch_result
from sandbox.mailigen.membership import is_suppressed
from sandbox.mailigen.merges import checked_email

PLENTY = 1_000_000  # e-mails left on a plan that counts subscribers instead


def ping(_account: Account, _form: Form) -> str:
    return "Everything's Ok!"


def show_account(account: Account, _form: Form) -> dict[str, Any]:
    left = account.assumed.limit("emails_left")
    return {
        "user_id": "81001",
        "username": "acme",
        "is_trial": False,
        "emails_left": PLENTY if left is None else max(left - account.emails_spent, 0),
        "first_payment": "2024-02-01 09:00:00",
        "last_payment": "2026-02-01 09:00:00",
        "times_logged_in": 42,
        "last_login": "2026-02-02 08:30:00",
        "contact": {"fname": "Olga", "lname": "Owner", "email": OWNER_EMAIL, "company": "Acme"},
        "orders": [],
    }


def list_apikeys(account: Account, form: Form) -> list[dict[str, str]]:
    is_expired_wanted = form.flag("expired", False)
    return [
        {key: record[key] for key in ("apikey", "created_at", "expired_at")}
        for record in account.apikeys.live()
        if is_expired_wanted or not record["expired_at"]
    ]


def put_keys(account: Account) -> None:
    for key, is_admin in ((ADMIN_KEY, True), (RESTRICTED_KEY, False)):
        record = {"apikey": key, "is_admin": is_admin, "created_at": account.stamp()}
        account.apikeys.put(key, {**record, "expired_at": ""})


def check_key(account: Account, key: str, method: str, is_account_level: bool) -> None:
    """Refuse an unknown or revoked key, and a restricted one for calls about the account."""
    record = account.apikeys.get(key)
    if record is None or record["expired_at"]:
        raise MailigenError("invalid_key", f"Invalid Mailigen API Key: {key}")
    if is_account_level and not record["is_admin"]:
        raise MailigenError("role_forbids", f"This API key may not call {method}")


def suppress_one(account: Account, form: Form) -> bool:
    _suppress(account, form.either("email", "email_address"))
    return True


def release_one(account: Account, form: Form) -> bool:
    _release(account, form.either("email", "email_address"))
    return True


def suppress_batch(account: Account, form: Form) -> dict[str, Any]:
    emails = _emails(form)
    return batch_result(account, emails, str, lambda email: _suppress(account, email))


def release_batch(account: Account, form: Form) -> dict[str, Any]:
    emails = _emails(form)
    return batch_result(account, emails, str, lambda email: _release(account, email))


def list_suppressed(account: Account, form: Form) -> list[dict[str, str]]:
    return [
        {"email": record["email"], "timestamp": account.shown(record["timestamp"])}
        for record in form.page(100, MOST_MEMBERS).cut(list(account.suppressed.live()))
    ]


def _suppress(account: Account, given: str) -> None:
    email = checked_email(given)
    record = {"id": email.lower(), "email": email, "timestamp": account.stamp()}
    account.suppressed.put(email.lower(), record)


def _release(account: Account, email: str) -> None:
    if not is_suppressed(account, email.strip()):
        raise MailigenError("email_unknown", f"{email} is not on the suppressed list")
    account.suppressed.delete(email.strip().lower())


def _emails(form: Form) -> list[str]:
    """The addresses of a batch: plain ones, or rows with EMAIL."""
    name = "emails" if form.has("emails") else "batch"
    emails = form.texts(name)
    if not emails:
        emails = [str(row.get("EMAIL", "")) for row in form.rows(name)]
    return emails
