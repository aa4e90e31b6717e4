"""Every way a vendor call can fail, named by what the caller must do next.

    ConnectorError
      x TryAgain            nothing was written; the same call may be repeated
        + NotSent             the request never left this machine
        + Throttled           the vendor asked us to wait (.retry_after seconds)
        + ReadFailed          a read broke off, came short, or cannot be understood
      x Refused             the vendor understood this one record and said no
        + AlreadyThere        (.existing_id)
        + Gone
        + Barred              (.because) the address is held back by its owner's own will
        + Misfilled           (.fields) these values were wrong
      x OutcomeUnknown      a write may or may not have happened; look, then decide
      x StopTheSync         no later record can succeed; wake a human (.next_step)
        + BadCredentials
          . AnotherAccount      (they open another account than theirs)
          . GrantEnded          (an OAuth authorization is over)
          . UnknownApp          (the app itself is let in no more, whoever authorized it)
        + NotAdministrator
        + QuotaExhausted
        + Blocked             (.retry_after seconds, our guess unless the vendor said)
        + PlanLimitReached

Callers know these four families and nothing else, so a new error class has to
be filed under one of them. What a vendor said goes through `quoted` first:
messages end in logs, where no secret and no address may appear.
"""
# ruff: noqa: N818 -- the names say what to do next; "...Error" would say it is an error

import re
from typing import Any

_ADDRESS = re.compile(r"[^\s<>\"'(),:;=]+@[^\s<>\"'(),:;=]+")
_PHONE = re.compile(r"\+\d[\d\s().-]{6,}\d")
_LONGEST_QUOTE = 300


def quoted(text: object, *secrets: str) -> str:
    """Return what a vendor said, fit for a log: one line, cut, nothing private in it.

    Each of `secrets` is masked wherever it occurs: a vendor may echo the key it
    refused. E-mail addresses and international phone numbers are masked too.

    >>> quoted("Invalid Mailigen API Key: s3cret", "s3cret")
    'Invalid Mailigen API Key: ***'
    >>> quoted("ann@x.lv is\\n already subscribed")
    '(address) is already subscribed'
    """
    line = " ".join(str(text).split())
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        line = line.replace(secret, "***")
    line = _PHONE.sub("(phone)", _ADDRESS.sub("(address)", line))
    return line if len(line) <= _LONGEST_QUOTE else line[:_LONGEST_QUOTE] + "..."


class ConnectorError(Exception):
    """A vendor call failed. `str()` of it is the line on-call reads first."""

    def __init__(self, vendor: str, call: str, said: str, *, request_id: str = "") -> None:
        self.vendor, self.call, self.said, self.request_id = vendor, call, said, request_id
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        tail = f" [request {self.request_id}]" if self.request_id else ""
        return f"{self.vendor}: {self.call}: {self.said}{tail}"

    def __reduce__(self) -> tuple[Any, ...]:
        # Prefect carries errors between processes; by default Python would call
        # the class with the finished sentence alone, which no class here takes.
        return _revived, (type(self), str(self), self.__dict__)


def _revived(kind: type[ConnectorError], sentence: str, fields: dict[str, Any]) -> ConnectorError:
    error = kind.__new__(kind, sentence)
    error.__dict__.update(fields)
    return error


class TryAgain(ConnectorError):
    """Nothing was written; the same call may be repeated."""


class NotSent(TryAgain):
    """The request never left this machine."""


class ReadFailed(TryAgain):
    """A read broke off, came short, or cannot be understood; reading again does no harm."""


class Throttled(TryAgain):
    """The vendor refused to look at the request for now; it asked us to wait."""

    def __init__(
        self, vendor: str, call: str, said: str, *, retry_after: float, request_id: str = ""
    ) -> None:
        super().__init__(vendor, call, said, request_id=request_id)
        self.retry_after = retry_after


class Refused(ConnectorError):
    """The vendor understood this one record and said no."""


class AlreadyThere(Refused):
    """The vendor will not create it, since it exists."""

    def __init__(
        self, vendor: str, call: str, said: str, *, existing_id: str, request_id: str = ""
    ) -> None:
        super().__init__(vendor, call, said, request_id=request_id)
        self.existing_id = existing_id


class Gone(Refused):
    """The vendor itself says that it does not exist, or no longer does."""


class Barred(Refused):
    """The address may not be put on the list, whoever asks: its owner left, bounced or was erased.

    `because` is "left" or "forgotten". Nobody who asks again is told otherwise, unless the
    owner signs up again by own act.
    """

    def __init__(
        self, vendor: str, call: str, said: str, *, because: str, request_id: str = ""
    ) -> None:
        super().__init__(vendor, call, said, request_id=request_id)
        self.because = because


class Misfilled(Refused):
    """The record's values did not pass; `fields` names which, in the vendor's words."""

    def __init__(
        self, vendor: str, call: str, said: str, *, fields: tuple[str, ...], request_id: str = ""
    ) -> None:
        super().__init__(vendor, call, said, request_id=request_id)
        self.fields = fields


class OutcomeUnknown(ConnectorError):
    """A write may or may not have happened. Never repeat it blindly."""


class StopTheSync(ConnectorError):
    """No later record can succeed either; `next_step` says what a person can do."""

    next_step = "ask the owner of the vendor's account what changed, then run again"

    def __init__(
        self, vendor: str, call: str, said: str, *, next_step: str = "", request_id: str = ""
    ) -> None:
        self.next_step = next_step or self.next_step
        super().__init__(vendor, call, said, request_id=request_id)

    def _sentence(self) -> str:
        return f"{super()._sentence()}. Next step: {self.next_step}."


class BadCredentials(StopTheSync):
    """The token or key is wrong, expired or revoked."""

    next_step = "put a valid token or key of an administrator into the connection's secret"


class AnotherAccount(BadCredentials):
    """The credentials work, and open another account than the one they stand for."""

    next_step = "put back credentials of the account, or name a connection of its own for this one"


class GrantEnded(BadCredentials):
    """Nobody lets us in any more: the authorization was revoked, has expired, or never was."""

    next_step = "connect the account again, as any administrator of its company: syncline connect"


class UnknownApp(BadCredentials):
    """The login host does not know the app that accounts are connected by."""

    next_step = "put the app's client id and client secret into the connection's secrets"


class NotAdministrator(StopTheSync):
    """The credentials work, but their owner may not do what a sync needs."""

    next_step = "connect again with the token of an administrator, or give this user that role"


class QuotaExhausted(StopTheSync):
    """The account's allowance for the day is used up, by us or by others."""

    next_step = "wait for the vendor's daily reset, or lower quota_share or the sync's frequency"


class Blocked(StopTheSync):
    """The vendor's front door turned the whole account away; calling on prolongs it."""

    next_step = "let nothing call this account until the block is over, then run again"

    def __init__(
        self, vendor: str, call: str, said: str, *, retry_after: float, request_id: str = ""
    ) -> None:
        super().__init__(vendor, call, said, request_id=request_id)
        self.retry_after = retry_after


class PlanLimitReached(StopTheSync):
    """The vendor's plan allows no more of these."""

    next_step = "free some room or upgrade the vendor's plan, then run again"
