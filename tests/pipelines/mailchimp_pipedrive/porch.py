"""A listener for the desk's flows, by hand: both vendors' webhooks over real HTTP.

porch = Porch(desk)      opens a port; `look` has the webhooks made
porch.turn()             what was delivered until now is taken in, and what is due is done
"""

import json
import socket
import threading
from dataclasses import replace
from functools import partial

import httpx
import uvicorn

from pipelines.listening import Files, Listening, Reading, Rope
from pipelines.mailchimp_pipedrive.config import Definition
from pipelines.mailchimp_pipedrive.listening import BELLS
from pipelines.settings import Connections, Settings
from state import lease
from state.database import open_state
from state.doors import listener_name
from state.inbox import Inbox
from tests.pipelines.mailchimp_pipedrive.flow_desk import FlowDesk
from tests.pipelines.mailigen_pipedrive.desk import Json
from tests.pipelines.mailigen_pipedrive.porch import AtOnce
from web.listen import Listener, Woken
from web.receiver import Office, Source, receiver
from web.windows import Windows

SECRET = "a secret of 26 characters"


class Rung(Listening):
    """The sync as the loop knows it; what it is woken for is a run of the desk's."""

    porch: "Porch"

    def run(self) -> Woken:
        self.is_owed_a_run = False
        outcome = self.porch.desk.run()
        self.porch.runs.append(outcome.outcome)
        return Woken("answered" if outcome.outcome == "done" else "failed", outcome.outcome)


class Porch:
    """One listener; close it before the next one of the same desk is opened."""

    def __init__(self, desk: FlowDesk) -> None:
        self.desk, self.secret, self.now = desk, SECRET, 0.0
        self.said, self.runs = list[str](), list[str]()
        self._bound = socket.create_server(("127.0.0.1", 0))
        self.root = f"http://127.0.0.1:{self._bound.getsockname()[1]}"
        self.state = open_state(desk.settings.state_url)
        self.lease = lease.acquire(self.state, listener_name("acme"), run_id="listen")
        self.listening = Rung(
            self.definition, self.connections, self.settings, self.state, self.lease,
            [Rope(bell, self.secret) for bell in BELLS], address_of=self.url,
            files=Reading(
                lambda: json.dumps(desk.wanted),
                lambda: Files(self.definition if desk.wanted else None, self.connections),
            ),
            say=self.said.append,
        )  # fmt: skip
        self.listening.porch = self
        self.inbox = Inbox(desk.home)
        self.loop = Listener(
            [self.listening], self.inbox, Windows(60), AtOnce(), say=self.said.append,
            seconds=lambda: self.now,
        )  # fmt: skip
        sources = [
            Source("acme", one, partial(self.listening.is_signed, one))
            for one in ("crm", "engagement")
        ]
        app = receiver(
            {one.path: one for one in sources}.get, Office(self.loop.store, self.loop.refuse)
        )
        self._server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
        self._thread = threading.Thread(target=self._server.run, args=([self._bound],))
        self._thread.start()
        self.loop.begin()

    def url(self, account: str) -> str:
        return f"{self.root}/hooks/acme/{account}"

    @property
    def definition(self) -> Definition:
        return Definition.model_validate(self.desk.wanted)

    @property
    def settings(self) -> Settings:
        settings = self.desk.settings
        return replace(settings, environ={**settings.environ, "HOOK_SECRET": self.secret})

    @property
    def connections(self) -> Connections:
        def ringing(account: str) -> object:
            known = self.desk.connections[account]
            secret = known.secret.model_copy(update={"webhook": "HOOK_SECRET"})
            return known.model_copy(update={"secret": secret})

        return {one: ringing(one) for one in ("crm", "engagement")}  # type: ignore[misc]

    def look(self) -> float | None:
        """See to the webhooks now; the seconds until the next look."""
        return self.listening.keep_webhook()

    def turn(self, seconds: float = 0.0) -> None:
        """Let time pass and everything be done that is due by then."""
        self.now += seconds
        self.wait_for_deliveries()
        for _ in range(4):
            self.loop.turn()

    def wait_for_deliveries(self) -> None:
        """Return once the sandbox has nothing more on its way to us."""
        with httpx.Client(trust_env=False) as http:
            while http.get(f"{self.desk.url}/_sandbox").json()["pending_deliveries"]:
                pass

    def webhooks(self, vendor: str) -> list[Json]:
        """The webhooks in a vendor's book."""
        return self.desk.book(vendor, "webhooks")

    @property
    def waiting(self) -> int:
        return sum(one.deliveries for one in self.inbox.waiting(["acme"]).values())

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._bound.close()
        self.inbox.close()
        lease.release(self.lease)
        self.state.close()
