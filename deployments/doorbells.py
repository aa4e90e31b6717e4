"""How listening stands, for `list` and `doctor`: who listens, the webhook, what waits, who knocks.

acme: listened for since 2026-11-22 08:00 UTC (process 4711 on host); webhook as wanted;
  3 deliveries waiting; 12 refused since 2026-11-22 08:10 UTC, the last 09:15 UTC
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

from deployments.oncall import opened
from pipelines.kinds import rung_from
from pipelines.report import counted, minute
from pipelines.settings import Settings
from state import doors, lease
from state.database import State
from state.doors import Refused, Standing, listener_name
from state.inbox import FILE, Inbox
from state.lease import Holding

ENDING = listener_name("")


class Doorbell(NamedTuple):
    """One sync that is, or was, listened for."""

    sync: str
    listener: Holding | None
    accounts: tuple[str, ...]  # where a webhook was made and not removed
    webhook: Standing | None
    waiting: int
    refused: Refused | None

    def shown(self) -> str:
        return f"{self.sync}: " + "; ".join(self._parts())

    def _parts(self) -> Iterator[str]:
        by = self.listener
        if by:
            machine = by.host.partition("/")[0]
            yield f"listened for since {minute(by.since)} (process {by.pid} on {machine})"
        else:
            yield "nobody listens"
        if self.webhook and self.webhook.trouble:
            yield f"webhook not as wanted since {minute(self.webhook.since)}: " + (
                self.webhook.trouble
            )
        elif self.accounts:
            yield "webhook as wanted" if by else "its webhook still rings"
        if self.waiting:
            yield f"{counted(self.waiting, 'delivery', 'deliveries')} waiting"
        if self.refused:
            yield said_of(self.refused)


def said_of(refused: Refused) -> str:
    return (
        f"{refused.deliveries} refused since {minute(refused.since)}, the last "
        f"{minute(refused.last_at)}"
    )


def doorbells(settings: Settings, listed: Sequence[str]) -> list[Doorbell]:
    """Every sync that somebody listens for, or of which something is left; by name."""
    if not settings.has_state:
        return []
    waiting = deliveries_waiting(settings)
    with opened(settings) as state:
        names = {*listed, *waiting, *_ever_listened(state)}
        found = [_doorbell(state, name, waiting.get(name, 0)) for name in sorted(names)]
    return [one for one in found if any(one[1:])]


def _doorbell(state: State, sync: str, waiting: int) -> Doorbell:
    listener = listener_name(sync)
    return Doorbell(
        sync, lease.holding(state, listener), tuple(sorted(rung_from(state, sync))),
        doors.webhook(state, listener), waiting, doors.refused(state, listener),
    )  # fmt: skip


def _ever_listened(state: State) -> list[str]:
    from state.doubts import known_syncs

    return [name.removesuffix(ENDING) for name in known_syncs(state) if name.endswith(ENDING)]


def deliveries_waiting(settings: Settings) -> dict[str, int]:
    """How many deliveries wait, of every sync that has some; looking makes no inbox."""
    if not (settings.home / FILE).exists():
        return {}
    with closing(Inbox(settings.home)) as inbox:
        return inbox.counts()
