"""The grant of an account while a run uses it: read from state, Pipedrive's renewed before it ends.

    show --less than a minute left--> renew
    a call answered 401 ------------> renew, once for that call

    renew:  read again: newer than ours? ----------------------------> use that
            our turn?  no: wait for whoever has it, read again
                       yes: ask the vendor --> store --> use
                            refused: mark the account, a person signs in again

Two processes that want another one at once ask the vendor once: a vendor may take each refresh
token a single time. Stored before it is used, for the same reason. Mailchimp's tokens do not end.
"""

from collections.abc import Callable
from datetime import timedelta

from connectors.errors import GrantEnded, ReadFailed, TryAgain
from connectors.mailchimp import Login, oauth_token
from connectors.pipedrive import App, Grant, Shown, bearer
from pipelines.settings import NoKeyError
from state import grants
from state.database import State
from state.errors import NotAllowed
from state.grants import Kept

EARLY = timedelta(seconds=60)  # a page of a slow answer, and a clock that is a little off
LOOKS, LOOK_SECONDS = 240, 0.25  # as long as another's turn may last
VENDOR = "pipedrive"


class StoredGrant:
    """A credential of the Pipedrive client. Nothing is read before it is first shown."""

    def __init__(
        self, state: State, account: str, app: App, *, key: str, sleep: Callable[[float], None]
    ) -> None:
        self._state, self._account, self._app = state, account, app
        self._key, self._sleep = key, sleep
        self._kept: Kept | None = None

    def show(self) -> Shown:
        kept = self._kept or self._read()
        grant = Grant.revived(kept.grant)
        left = grant.expires_at - self._state.now()
        if left < EARLY:
            try:
                kept = self._newer_than(kept)
            except TryAgain:
                if left <= timedelta(0):
                    raise  # else what we have still opens the door, and the next call asks again
        return self._use(kept)

    def renewed(self, refused: Shown) -> Shown | None:
        """Another access token, unless somebody has to sign in first (GrantEnded)."""
        kept = self._kept or self._read()
        if Grant.revived(kept.grant).access_token == refused.secret:
            kept = self._newer_than(kept)
        return self._use(kept)

    def _use(self, kept: Kept) -> Shown:
        self._kept, grant = kept, Grant.revived(kept.grant)
        return bearer(grant.access_token, grant.api_domain)

    def _newer_than(self, ours: Kept) -> Kept:
        """What another process has stored meanwhile, or what the vendor gives us now."""
        for _ in range(LOOKS):
            found = self._read()
            if found.sealed != ours.sealed:
                return found
            with grants.turn(self._state, self._account) as is_ours:
                if is_ours:
                    # Read again: whoever had the turn may have stored one just before.
                    found = self._read()
                    return found if found.sealed != ours.sealed else self._exchanged(found)
            self._sleep(LOOK_SECONDS)
        raise ReadFailed(
            VENDOR, "POST /oauth/token",
            f"another process is exchanging the grant of {self._account} and does not end",
        )  # fmt: skip

    def _exchanged(self, ours: Kept) -> Kept:
        try:
            newer = self._app.refresh(Grant.revived(ours.grant))
        except GrantEnded as error:
            if grants.refused(self._state, self._account, ours, error.said):
                step = step_of(self._account)
                raise GrantEnded(VENDOR, error.call, error.said, next_step=step) from error
            return self._read()  # somebody has connected it again in this moment
        grants.replace(self._state, self._account, ours, newer.as_object(), key=self._key)
        return self._read()

    def _read(self) -> Kept:
        return _read(self._state, self._account, VENDOR, self._key)


def granted_login(state: State, account: str, *, key: str) -> Login:
    """The token and the address that Mailchimp gave for the account; GrantEnded without them."""
    grant = _read(state, account, "mailchimp", key).grant
    return oauth_token(str(grant["access_token"]), str(grant["api_endpoint"]))


def _read(state: State, account: str, vendor: str, key: str) -> Kept:
    try:
        kept = grants.read(state, account, key=key)
    except NotAllowed as error:
        raise NoKeyError("is another key than the stored grant's") from error
    if kept is None:
        raise not_connected(account, vendor)
    return kept


def not_connected(account: str, vendor: str = VENDOR) -> GrantEnded:
    """What there is to say where nobody has signed in yet, or somebody has disconnected."""
    said = f"{account} is not connected"
    return GrantEnded(vendor, "grant", said, next_step=step_of(account))


def step_of(account: str) -> str:
    return f"connect it, as any administrator of its company: syncline connect {account}"
