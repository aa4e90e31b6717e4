"""Where things are: the one place that reads the environment, and the accounts we talk to.

    SYNCLINE_HOME          everything written at run time          .syncline
    SYNCLINE_STATE_URL     the state database                      SQLite in the home
    SYNCLINE_SYNCS         the folder of definitions               deployments/syncs
    SYNCLINE_CONNECTIONS   the accounts                            connections.yaml beside it
    PREFECT_API_URL        the Prefect server; unset: none
    SYNCLINE_KEY           what OAuth grants are encrypted with    none: no OAuth
    any secret             under the name a connection or a definition gives it

Relative paths are relative to the directory of the process.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self, cast
from urllib.parse import urlsplit

import httpx
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from connectors.http import is_loopback
from state import grants
from state.errors import NotAllowed

KEY = "SYNCLINE_KEY"
Place = tuple[str, ...]
SecretName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]


def _with_a_port(url: str) -> str:
    """The port is read here, or it would fail at the first request."""
    try:
        is_one = urlsplit(url).port != 0
    except ValueError:
        is_one = False
    if not is_one:
        raise ValueError("its port must be a number from 1 to 65535")
    return url


BaseUrl = Annotated[str, Field(pattern=r"^https?://[^\s/]+[^\s]*$"), AfterValidator(_with_a_port)]
Share = Annotated[float, Field(gt=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=86400)]
STATE_FILE = "state.db"


class MissingSecretError(Exception):
    """A secret named in a file is nowhere to be found."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"the secret {name} is not set: export {name}=... "
            f"or save it as the Prefect Secret block {block_name(name)!r}"
        )


class NoKeyError(MissingSecretError):
    """Without the one key, no OAuth grant can be stored or read."""

    def __init__(self, said: str = "is not set") -> None:
        self.name = KEY
        Exception.__init__(
            self,
            f"{KEY} {said}: OAuth grants are encrypted with it. Export the key they were stored "
            "with wherever syncline runs; for a first one, `syncline connect --new-key` prints one",
        )


@dataclass(frozen=True)
class Settings:
    """What the environment said. `environ` is kept for secrets and never printed."""

    home: Path
    state_url: str
    syncs: Path
    connections: Path
    prefect_api_url: str | None
    environ: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Settings(home={self.home}, syncs={self.syncs}, connections={self.connections})"

    def make_home(self) -> None:
        """The home exists afterwards. A new one is its owner's alone: state and tables hold
        addresses. One that is there keeps the rights somebody gave it."""
        try:
            self.home.parent.mkdir(parents=True, exist_ok=True)
            self.home.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise NotAllowed(
                f"SYNCLINE_HOME is {self.home}, and no folder can be made there "
                f"({error.strerror}): name one of your own"
            ) from error

    @property
    def has_state(self) -> bool:
        """False while no run has made the state database: looking into it would make one. Of one
        that is kept elsewhere only opening it tells."""
        own = self.home.absolute() / STATE_FILE
        return self.state_url != f"sqlite:///{own}" or own.exists()

    def secret(self, name: str) -> str:
        """The secret of that name, from the environment, else from Prefect; raises if nowhere."""
        value = self.environ.get(name) or (self.prefect_api_url and _secret_block(name))
        if not value:
            raise MissingSecretError(name)
        return value

    def key(self) -> str:
        """The key of stored grants. From the environment only: a Prefect block would lie beside
        the client secret, in a database that is backed up with it."""
        key = self.environ.get(KEY)
        if not key:
            raise NoKeyError
        try:
            grants.check_key(key)
        except NotAllowed as error:
            raise NoKeyError("is no such key") from error
        return key


def read_settings(
    environ: Mapping[str, str] | None = None,
    *,
    syncs: Path | None = None,
    connections: Path | None = None,
) -> Settings:
    """Settings from the environment; `syncs` and `connections` win over it when given.

    Choosing a folder of definitions chooses the connections.yaml beside it as well, whatever
    SYNCLINE_CONNECTIONS says: a demo must not reach the accounts of production by accident.
    """
    env = os.environ if environ is None else environ
    home = Path(env.get("SYNCLINE_HOME") or ".syncline")
    folder = syncs or Path(env.get("SYNCLINE_SYNCS") or "deployments/syncs")
    named = None if syncs else env.get("SYNCLINE_CONNECTIONS")
    return Settings(
        home=home,
        state_url=env.get("SYNCLINE_STATE_URL") or f"sqlite:///{home.absolute() / STATE_FILE}",
        syncs=folder,
        connections=connections or Path(named or folder.parent / "connections.yaml"),
        prefect_api_url=env.get("PREFECT_API_URL") or None,
        environ=env,
    )


def block_name(secret: str) -> str:
    """The name of the Prefect Secret block for a secret: blocks take no capitals.

    >>> block_name("ACME_PIPEDRIVE_TOKEN")
    'acme-pipedrive-token'
    """
    return secret.lower().replace("_", "-")


def _secret_block(name: str) -> str | None:
    # Importing Prefect takes a second, and most secrets are found before it is needed.
    import httpx
    from prefect.blocks.system import Secret
    from prefect.exceptions import PrefectHTTPStatusError

    try:
        block = cast(Secret[str], Secret.load(block_name(name)))
    except (ValueError, PrefectHTTPStatusError, httpx.TransportError):
        return None
    return str(block.get())


class Strict(BaseModel):
    """Typos are errors; an account does not change while a run uses it."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class OAuthSecret(Strict):
    """Which secrets hold what a vendor says of an app registered there."""

    client_id: SecretName = Field(description="NAME of the secret with the app's client id.")
    client_secret: SecretName = Field(
        description="NAME of the secret with the app's client secret, never the secret itself."
    )

    def names(self) -> dict[Place, str]:
        """The two NAMES, by where they stand below `secret`."""
        return {
            ("oauth", "client_id"): self.client_id,
            ("oauth", "client_secret"): self.client_secret,
        }


def must_be_one_vendors(oauth_url: str, base_url: str | None) -> None:
    """ValueError for the sandbox's API beside the real vendor's OAuth, and for an open line."""
    oauth = httpx.URL(oauth_url)
    if oauth.scheme != "https" and not is_loopback(oauth.host):
        raise ValueError("oauth_url has no TLS: secrets would travel in the clear; make it https")
    if base_url and is_loopback(httpx.URL(base_url).host) and not is_loopback(oauth.host):
        raise ValueError("base_url is the sandbox's and oauth_url is not: set both, or neither")


class PipedriveSecret(Strict):
    """How Pipedrive lets us in: a user's API token, or an app that an administrator allowed."""

    token: SecretName | None = Field(
        None, description="NAME of the secret with an API token, never the token itself."
    )
    oauth: OAuthSecret | None = Field(
        None, description="Instead of a token: the app that `syncline connect` is for."
    )
    webhook: SecretName | None = Field(
        None, description="NAME of the secret for `listen`: a long random word you make up."
    )

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.token is None) == (self.oauth is None):
            raise ValueError(
                "give either `token: NAME`, or `oauth: {client_id: NAME, client_secret: NAME}`"
            )
        return self


class KeySecret(Strict):
    """Which secret holds a Mailigen API key, and which one webhooks are signed with."""

    key: SecretName = Field(description="NAME of the secret, never the key itself.")
    webhook: SecretName | None = Field(
        None, description="NAME of the secret for `listen`: a long random word you make up."
    )


class PipedriveHorizon(Strict):
    """How long a write may stay invisible before it counts as not having happened."""

    list: Seconds = Field(120, description="Seconds until plain lists show a write.")
    search: Seconds = Field(900, description="Seconds until the search shows a write.")


class MailigenHorizon(Strict):
    """How long a write may stay invisible before it counts as not having happened."""

    list: Seconds = Field(300, description="Seconds until reads show a write.")


class PipedriveConnection(Strict):
    """One Pipedrive company, reached as one of its administrators."""

    vendor: Literal["pipedrive"]
    base_url: BaseUrl = Field("https://api.pipedrive.com", description="Where the API answers.")
    oauth_url: BaseUrl = Field(
        "https://oauth.pipedrive.com", description="Where `secret.oauth` lets the app in."
    )
    secret: PipedriveSecret
    plan: Literal["lite", "growth", "premium", "ultimate"] = Field(
        "lite", description="The plan decides the tokens a day."
    )
    seats: int = Field(1, ge=1, description="Paid seats: the tokens a day grow with them.")
    quota_share: Share = Field(0.5, description="The most of the account's budget we may use.")
    horizon: PipedriveHorizon = PipedriveHorizon()

    @model_validator(mode="after")
    def _goes_to_one_vendor(self) -> Self:
        if self.is_by_oauth:
            must_be_one_vendors(self.oauth_url, self.base_url)
        return self

    @property
    def is_by_oauth(self) -> bool:
        return self.secret.oauth is not None

    @property
    def api_url(self) -> str:
        """Where calls go; '' leaves that to the grant, which names its company's address."""
        is_ours_to_say = self.secret.oauth is None or "base_url" in self.model_fields_set
        return self.base_url if is_ours_to_say else ""

    def secret_names(self) -> dict[Place, str]:
        """NAMES of the secrets, by where they stand below `secret`."""
        if self.secret.oauth is not None:
            return self.secret.oauth.names()
        return {("token",): str(self.secret.token)}


class MailigenConnection(Strict):
    """One Mailigen account, reached with its API key."""

    vendor: Literal["mailigen"]
    base_url: BaseUrl = Field("https://api.mailigen.com", description="Where the API answers.")
    secret: KeySecret
    version: str = Field(
        "1.8", pattern=r"^\d+\.\d+$", description="API version, in quotes, e.g. '1.8'."
    )
    # The vendor publishes no rate limit, so this is our own manners, not its rule.
    calls_per_second: float = Field(10, gt=0, le=1000, description="The pace we keep.")
    calls_per_day: int = Field(
        1_000_000, ge=1, description="Calls the account bears in a day, of which we take our share."
    )
    quota_share: Share = Field(0.5, description="The most of the account's budget we may use.")
    counts_emails: bool = Field(
        True, description="false: a plan by subscribers, whose 0 e-mails left mean nothing."
    )
    horizon: MailigenHorizon = MailigenHorizon()

    def secret_names(self) -> dict[Place, str]:
        """NAMES of the secrets without which nothing goes, by where they stand below `secret`."""
        return {("key",): self.secret.key}

    @property
    def is_by_oauth(self) -> bool:
        return False


class MailchimpSecret(Strict):
    """How Mailchimp lets us in: an API key, an app that somebody allowed, or that app's token."""

    key: SecretName | None = Field(None, description="NAME of the secret, never the key itself.")
    token: SecretName | None = Field(
        None, description="Instead of a key: NAME of the secret with an app's OAuth token."
    )
    oauth: OAuthSecret | None = Field(
        None, description="Instead of a key: the app that `syncline connect` is for."
    )
    webhook: SecretName | None = Field(
        None, description="NAME of the secret for `listen`: a long random word you make up."
    )

    @model_validator(mode="after")
    def _is_one_of_three(self) -> Self:
        if sum(one is not None for one in (self.key, self.token, self.oauth)) != 1:
            raise ValueError(
                "give one of `key: NAME`, `oauth: {client_id: NAME, client_secret: NAME}` and "
                "`token: NAME`"
            )
        return self


class MailchimpHorizon(Strict):
    """How long a write may stay invisible before it counts as not having happened."""

    list: Seconds = Field(150, description="Seconds until reads show a write.")


class MailchimpConnection(Strict):
    """One Mailchimp account, reached with an API key or by an app."""

    vendor: Literal["mailchimp"]
    base_url: BaseUrl | None = Field(
        None, description="Where the API answers; without it the key's last part or the grant says."
    )
    oauth_url: BaseUrl = Field(
        "https://login.mailchimp.com", description="Where `secret.oauth` lets the app in."
    )
    secret: MailchimpSecret
    # The vendor counts open requests, not calls: what follows is our own manners.
    most_at_once: int = Field(
        4, ge=1, le=10, description="Requests open at a time, of the ten an account has for all."
    )
    calls_per_day: int = Field(
        1_000_000, ge=1, description="Calls the account bears in a day, of which we take our share."
    )
    quota_share: Share = Field(0.5, description="The most of the account's budget we may use.")
    horizon: MailchimpHorizon = MailchimpHorizon()

    @model_validator(mode="after")
    def _knows_its_address(self) -> Self:
        if self.secret.token is not None and self.base_url is None:
            raise ValueError(
                "a token does not say in which datacenter its account is: give base_url, "
                "like https://us6.api.mailchimp.com"
            )
        if self.is_by_oauth:
            must_be_one_vendors(self.oauth_url, self.base_url)
        return self

    @property
    def is_by_oauth(self) -> bool:
        return self.secret.oauth is not None

    def secret_names(self) -> dict[Place, str]:
        """NAMES of the secrets without which nothing goes, by where they stand below `secret`."""
        if self.secret.oauth is not None:
            return self.secret.oauth.names()
        place = "key" if self.secret.key else "token"
        return {(place,): str(self.secret.key or self.secret.token)}


Connection = Annotated[
    PipedriveConnection | MailigenConnection | MailchimpConnection, Field(discriminator="vendor")
]
Connections = dict[str, Connection]
