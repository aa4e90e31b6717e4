"""What signing in by OAuth is at each vendor: who is let in, and what its answers are called."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import httpx

from connectors import mailchimp, pipedrive
from connectors.errors import ReadFailed
from connectors.mailchimp import oauth as of_mailchimp
from connectors.meter import Tally
from pipelines.accounts import app_of, credentials_of, naming
from pipelines.settings import Connection, MailchimpConnection, PipedriveConnection, Settings
from pipelines.surroundings import Surroundings


class LetIn(NamedTuple):
    """What a code was exchanged for, and whose account it opens.

    `missing_scopes` are calls that the vendor will refuse.
    """

    grant: dict[str, Any]
    user: str
    company: str
    said: str  # of who that is: "user 101 of company 7001, an administrator"
    missing_scopes: list[str]


class Words(NamedTuple):
    """What a vendor is called, and what it calls things."""

    vendor: str
    name: str  # as people know it
    cancelled: str  # its word for somebody who clicked Cancel
    call: str  # tells who we are
    who: str  # has to sign in
    removed_by: str  # how a person takes the app out of the account


PIPEDRIVE = Words(
    "pipedrive", "Pipedrive", "user_denied", "GET /v1/users/me",
    "as an administrator of the company", "remove the app in Pipedrive",
)  # fmt: skip
MAILCHIMP = Words(
    "mailchimp", "Mailchimp", "access_denied", "GET /", "to the account that is to be synced",
    "take the app out of the account's list of authorized applications",
)  # fmt: skip


class AppAt(Protocol):
    """One app registered at one vendor. Everything that asks raises ConnectorErrors."""

    @property
    def words(self) -> Words: ...

    def authorize_url(self, redirect_url: str, state: str) -> str: ...

    def let_in(self, code: str, redirect_url: str) -> LetIn: ...

    @property
    def revoke(self) -> Callable[[dict[str, Any]], None] | None:
        """Ends a grant at the vendor; None where no call does."""


@dataclass(frozen=True)
class AppAtPipedrive:
    """Tokens last an hour, refresh tokens sixty days without a run."""

    account: str
    connection: PipedriveConnection
    app: pipedrive.App
    http: httpx.Client
    around: Surroundings
    words: Words = PIPEDRIVE

    def authorize_url(self, redirect_url: str, state: str) -> str:
        return self.app.authorize_url(redirect_url, state)

    def let_in(self, code: str, redirect_url: str) -> LetIn:
        grant = self.app.exchange(code, redirect_url)
        shown = pipedrive.bearer(grant.access_token, grant.api_domain)
        client = pipedrive.Pipedrive(
            self.connection.api_url, token=pipedrive.Fixed(shown), meter=Tally(), http=self.http,
            sleep=self.around.sleep,
        )  # fmt: skip
        with naming(credentials_of(self.account, self.connection)):
            me = client.require_admin()
        company, user = str(me.get("company_id") or ""), str(me.get("id") or "")
        if not company:
            raise ReadFailed(self.words.vendor, self.words.call, "it names no company")
        said = f"user {user} of company {company}, an administrator"
        return LetIn(grant.as_object(), user, company, said, grant.missing_scopes())

    def revoke(self, grant: dict[str, Any]) -> None:
        self.app.revoke(pipedrive.Grant.revived(grant))


@dataclass(frozen=True)
class AppAtMailchimp:
    """Tokens do not end, there are no scopes, and no call that withdraws a token is published."""

    account: str
    connection: MailchimpConnection
    app: of_mailchimp.App
    http: httpx.Client
    around: Surroundings
    words: Words = MAILCHIMP
    revoke: None = None

    def authorize_url(self, redirect_url: str, state: str) -> str:
        return self.app.authorize_url(redirect_url, state)

    def let_in(self, code: str, redirect_url: str) -> LetIn:
        token = self.app.exchange(code, redirect_url)
        opened = self.app.account(token)
        client = mailchimp.Mailchimp(
            self.connection.base_url or "", key=opened.login, meter=Tally(), http=self.http,
            sleep=self.around.sleep,
        )  # fmt: skip
        with naming(credentials_of(self.account, self.connection)):
            me = client.account()
        company, user = str(me.get("account_id") or ""), str(me.get("login_id") or "")
        if not company:
            raise ReadFailed(self.words.vendor, self.words.call, "it names no account")
        grant = {"access_token": token, "api_endpoint": opened.login.api}
        said = f"user {user} of account {company}" + (f" ({opened.name})" if opened.name else "")
        return LetIn(grant, user, company, said, [])


def app_at(
    account: str, connection: Connection, settings: Settings, http: httpx.Client,
    around: Surroundings,
) -> AppAt | None:  # fmt: skip
    """The app that an account is connected by, or None for one by a key or a token.

    MissingSecretError names what the app's id or secret should be in.
    """
    if not connection.is_by_oauth:
        return None
    if isinstance(connection, PipedriveConnection):
        app = app_of(connection, settings, http, around)
        return AppAtPipedrive(account, connection, app, http, around)
    assert isinstance(connection, MailchimpConnection)
    client_id, client_secret = (settings.secret(one) for one in connection.secret_names().values())
    at_mailchimp = of_mailchimp.App(
        client_id=client_id, client_secret=client_secret, http=http, login_url=connection.oauth_url
    )
    return AppAtMailchimp(account, connection, at_mailchimp, http, around)
