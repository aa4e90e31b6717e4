"""Who may call: API keys and tokens, named in any of the four ways clients name them.

Authorization: Basic <anything>:<key>     Bearer <key>     apikey <key>     OAuth <key>
"""

import base64
import binascii
from collections.abc import Mapping

from sandbox.mailchimp.account import Account
from sandbox.mailchimp.problems import forbidden, wrong_key

DATACENTER = "us6"
ACME_KEY = f"{'ac3e' * 8}-{DATACENTER}"
EMPTY_KEY = f"{'e0' * 16}-{DATACENTER}"  # of an account without an audience


class Access:
    """The keys and tokens of all accounts. A token of OAuth is granted like a key."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._disabled: set[str] = set()

    def grant(self, key: str, account: Account) -> None:
        self._accounts[key] = account

    def switch(self, key: str, *, is_on: bool) -> None:
        """Disable a key or take that back; ValueError for one that never was."""
        if key not in self._accounts:
            raise ValueError("no such key")
        if is_on:
            self._disabled.discard(key)
        else:
            self._disabled.add(key)

    def who(self, headers: Mapping[str, str]) -> Account:
        """The account of a request's key; a 401 or 403 problem otherwise."""
        key = named_key(headers.get("authorization", ""))
        account = self._accounts.get(key)
        if account is None:
            raise wrong_key()
        if key in self._disabled:
            raise wrong_key("API key has been disabled")
        if account.is_api_disabled:
            raise forbidden("API access to this account has been disabled.")
        return account


def named_key(header: str) -> str:
    """The key in an Authorization header; empty when it names none.

    >>> named_key("Bearer abc-us6"), named_key("apikey abc-us6"), named_key("Digest x")
    ('abc-us6', 'abc-us6', '')
    """
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() in ("bearer", "apikey", "oauth"):
        return rest.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(rest, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
