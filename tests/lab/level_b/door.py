"""Webhooks without a socket: what Mailigen sends of what people do, and how it comes to the product.

    on time     taken in at once, be it in the middle of a run
    doubled     twice
    reordered   after the next one, or after the next run
    late        after the next run
    lost        never

The sandbox signs each delivery; the product's own listener tells whose it is and takes it in. That
it also rings for a run is not played here: runs come when the story has them.
"""

from collections.abc import Callable
from dataclasses import replace

from pipelines.listening import Files, Listening, Reading, Rope
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.listening import BELL, webhook_secret
from pipelines.settings import Connections, KeySecret, MailigenConnection, Settings
from pipelines.surroundings import Surroundings
from sandbox.stage import Stage
from state import lease
from state.database import State
from state.doors import listener_name
from tests.lab.level_b.way import URL, Delivery, Outbox

SECRETS = {"HOOK_SECRET": "a secret of 26 characters"}


def with_webhooks(known: Connections) -> Connections:
    """The same accounts, with a secret for the webhooks of the list's."""
    mailigen = known["engagement"]
    assert isinstance(mailigen, MailigenConnection)
    secret = KeySecret(key=mailigen.secret.key, webhook=next(iter(SECRETS)))
    return known | {"engagement": mailigen.model_copy(update={"secret": secret})}


class Porch:
    """The product's listener of one schedule: a process beside the runs, which never dies."""

    def __init__(
        self,
        definition: Definition,
        connections: Connections,
        settings: Settings,
        state: State,
        around: Surroundings,
    ) -> None:
        account = connections[definition.connections.engagement]
        assert isinstance(account, MailigenConnection)
        self._listening = Listening(
            definition, connections, settings, state,
            lease.Lease(state, listener_name(definition.name), "listen", 0),
            [Rope(BELL, webhook_secret("engagement", account, settings))],
            address_of=lambda account: f"{URL}/hooks/{account}",
            files=Reading(lambda: None, lambda: Files(definition, connections)),
            say=lambda _: None, around=around,
        )  # fmt: skip

    def keep_webhook(self) -> None:
        """Have the webhook made at the vendor, as `listen` does when it begins."""
        idle = self._listening
        held = lease.acquire(idle.state, idle.lease.sync, run_id="listen")
        replace(idle, lease=held).keep_webhook()
        lease.release(held)

    def take_in(self, delivery: Delivery) -> None:
        """Have a delivery taken in; RuntimeError when the product will not have it."""
        if not self._listening.is_signed("engagement", delivery.body, delivery.headers):
            raise RuntimeError(f"the vendor's own delivery counts as unsigned: {delivery.body!r}")
        if self._listening.take_in("engagement", delivery.body) is None:
            raise RuntimeError(f"a delivery could not be taken in: {delivery.body!r}")


class Door:
    """Where one schedule's deliveries come in, and wait until they are let in."""

    def __init__(self, stage: Stage, take_in: Callable[[Delivery], None]) -> None:
        self._stage, self._take_in = stage, take_in
        self._late: list[Delivery] = []
        self._overtaken: list[Delivery] = []

    def ring(self, told: str) -> None:
        """Let what was sent since the last time come in that way; '' when nobody listens."""
        outbox = self._stage.deliveries
        assert isinstance(outbox, Outbox)
        sent, outbox.sent = outbox.sent, []
        if told == "late":
            self._late += sent
        elif told == "reordered":
            self._overtaken += sent
        elif sent and told in ("on time", "doubled"):
            overtaken, self._overtaken = self._overtaken, []
            for delivery in (*sent, *(sent if told == "doubled" else ()), *overtaken):
                self._take_in(delivery)

    def after_a_run(self) -> None:
        """What was late, or never overtaken, comes in."""
        late, self._late, self._overtaken = [*self._overtaken, *self._late], [], []
        for delivery in late:
            self._take_in(delivery)
