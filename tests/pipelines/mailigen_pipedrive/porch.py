"""A listener for the desk's sync, by hand: real webhooks over real HTTP, a clock of the test's own.

porch = Porch(desk)           opens a port; the webhook is made by the first `turn`
porch.turn(seconds)           what was delivered until now is taken in; what is due is run
porch.runs                    how the runs that were rung for ended
"""

import json
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import uvicorn

from pipelines.listening import Files, Listening, Reading, Rope
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.listening import BELL
from pipelines.settings import Connections, KeySecret, MailigenConnection, Settings
from pipelines.step import Step, plainly
from state import lease
from state.database import open_state
from state.doors import listener_name
from state.inbox import Inbox
from tests.pipelines.mailigen_pipedrive.desk import Desk, Json, connections
from web.listen import Listener, Woken
from web.receiver import Office, Source, receiver
from web.windows import Windows

SECRET = "a secret of 26 characters"
WAKE_AFTER = 60.0


class Rung(Listening):
    """The sync as the loop knows it; a run of it is the desk's."""

    porch: "Porch"

    def run(self) -> Woken:
        self.is_owed_a_run = False
        outcome = self.porch.desk.run(step=self.porch.step)
        self.porch.runs.append(outcome.outcome)
        return Woken("answered" if outcome.outcome == "done" else "failed", outcome.outcome)


class Porch:
    """One listener; close it before the next one of the same desk is opened."""

    def __init__(self, desk: Desk, secret: str = SECRET) -> None:
        self.desk, self.secret = desk, secret
        self.step: Step = plainly
        self.open()

    def open(self) -> None:
        """Begin, or begin anew after `close`, at another port."""
        self.now, self.said = 0.0, list[str]()
        self.runs: list[str] = []
        desk = self.desk
        self._bound = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._bound.getsockname()[1]}/hooks/acme/engagement"
        self.state = open_state(desk.settings.state_url)
        self.lease = lease.acquire(self.state, listener_name("acme"), run_id="listen")
        self.mistake = ""
        self.listening = Rung(
            Definition.model_validate(desk.wanted), self._connections(), self._settings(),
            self.state, self.lease, [Rope(BELL, self.secret)], say=self.said.append,
            address_of=lambda _: self.url, files=Reading(self._stamp, self._read),
        )  # fmt: skip
        self.listening.porch = self
        self.inbox = Inbox(desk.home)
        self.loop = Listener(
            [self.listening], self.inbox, Windows(WAKE_AFTER), AtOnce(), say=self.said.append,
            seconds=lambda: self.now,
        )  # fmt: skip
        source = Source("acme", "engagement", partial(self.listening.is_signed, "engagement"))
        app = receiver({source.path: source}.get, Office(self.loop.store, self.loop.refuse))
        self._server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
        self._thread = threading.Thread(target=self._server.run, args=([self._bound],))
        self._thread.start()
        self.loop.begin()

    def _settings(self) -> Settings:
        settings = self.desk.settings
        return replace(settings, environ={**settings.environ, "HOOK_SECRET": self.secret})

    def _stamp(self) -> object:
        return json.dumps([self.desk.wanted, self.mistake])

    def _read(self) -> Files:
        """What the files would say: the desk's definition, none, or a mistake."""
        wanted = self.desk.wanted
        definition = Definition.model_validate(wanted) if wanted and not self.mistake else None
        return Files(definition, self._connections(), self.mistake)

    def _connections(self) -> Connections:
        known = connections(self.desk.url, self.desk.horizon)
        mailigen = known["engagement"]
        assert isinstance(mailigen, MailigenConnection)
        secret = KeySecret(key="LIST_KEY", webhook="HOOK_SECRET")
        return known | {"engagement": mailigen.model_copy(update={"secret": secret})}

    # What a test does

    def turn(self, seconds: float = 0.0) -> None:
        """Let time pass and everything be done that is due by then."""
        self.now += seconds
        self.wait_for_deliveries()
        for _ in range(3):
            self.loop.turn()

    def wait_for_deliveries(self) -> None:
        """Return once the sandbox has nothing more on its way to us."""
        with httpx.Client(trust_env=False) as http:
            while http.get(f"{self.desk.url}/_sandbox").json()["pending_deliveries"]:
                pass

    def look(self) -> float | None:
        """See to the webhook now; the seconds until the next look."""
        return self.listening.keep_webhook()

    @property
    def webhooks(self) -> list[Json]:
        """The webhooks in the vendor's book."""
        return self.desk.book("mailigen", "webhooks")

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


class AtOnce(Executor):
    """A worker that has done its work before anybody waits for it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        result: Future[Any] = Future()
        result.set_result(fn(*args, **kwargs))
        return result
