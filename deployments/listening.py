"""`syncline listen` as a process: a port, the loop behind it, and an orderly end.

main thread      waits for a signal or a trouble       a second signal ends at once
"receiver"       uvicorn: verify, store, answer
"listen"         the loop: take in, ring               one more worker thread: runs
"""

import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import uvicorn

from deployments.definitions import UnknownSyncError, load
from deployments.running import is_recorded, run_here, run_recorded
from deployments.timing import least_wakes
from deployments.trouble import DefinitionsError, OperatorError
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.left_over import ANSWERED
from pipelines.mailigen_pipedrive.listening import Files, Listening, Reading, webhook_secret
from pipelines.mailigen_pipedrive.run import EXPECTED
from pipelines.mailigen_pipedrive.webhook import listener_name
from pipelines.report import Outcome, RunOptions
from pipelines.settings import Connections, MailigenConnection, Settings
from state import lease
from state.database import State, open_state
from state.errors import LeaseHeld
from state.inbox import Inbox
from web.listen import Listener, Woken
from web.prompt import PromptProtocol
from web.receiver import Office, Source, receiver
from web.windows import Ending, Windows

MOST_AT_ONCE = 500  # connections; above, a vendor tries again, or the sweep finds it
# A run computes in the same process: what knocks must not wait for whole turns of Python's lock.
SWITCH_S = 0.001


class ListenError(OperatorError):
    """Nobody listens now; the sentence says why."""


class Address(NamedTuple):
    """Where the port is, and how the vendor reaches it ('' for: as it is)."""

    host: str
    port: int
    public_url: str


@dataclass
class Doorkeeper(Listening):
    """A sync that is listened for, and how it is run when somebody rings."""

    held: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        self.held.close()

    def run(self) -> Woken:
        """Run the sync as a schedule would: the files are read anew, Prefect records it if there.

        A server that is down, a file with a mistake, a vendor out of reach: rung for again later.
        """
        try:
            outcome = self._run()
        except (OperatorError, *EXPECTED, httpx.HTTPError) as error:
            first = next(iter(str(error).splitlines()), type(error).__name__)
            return Woken("failed", f"not run: {first}")
        return Woken(_ending(outcome), _line(outcome))

    def _run(self) -> Outcome:
        if is_recorded(self.settings):
            return run_recorded(self.settings, self.name, RunOptions())
        definitions = load(self.settings)
        definition = definitions.get(self.name)
        connections = definitions.connections
        return run_here(self.settings, definition, connections, RunOptions(), lambda _: None)


def _ending(outcome: Outcome) -> Ending:
    if outcome.outcome == "skipped":
        return "held"
    return "answered" if outcome.outcome in ANSWERED else "failed"


def _line(outcome: Outcome) -> str:
    return f"{outcome.run_id} {outcome.outcome} in {outcome.seconds:.1f} s: {outcome.said}"


def listen(
    settings: Settings,
    definitions: Sequence[Definition],
    connections: Connections,
    address: Address,
    wake_after: float,
    say: Callable[[str], object],
) -> None:
    """Listen until SIGTERM or SIGINT, then end in order. ListenError: it could not begin.

    Raises whatever a run raised that nobody foresaw: better ended, and started again by whoever
    supervises it, than deaf with an open port.
    """
    settings.make_home()
    if is_recorded(settings):
        import_module("deployments.scheduled")  # Prefect takes a second: not from the first wake
    with ExitStack() as stack:
        bound = stack.enter_context(_bind(address))
        public = address.public_url or f"http://{_at(address.host)}:{bound.getsockname()[1]}"
        state = open_state(settings.state_url)
        stack.callback(state.close)
        syncs = []
        for one in definitions:
            syncs.append(_doorkeeper(one, connections, settings, state, public, say))
            stack.callback(syncs[-1].close)
        inbox = Inbox(settings.home)
        stack.callback(inbox.close)
        worker = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="run"))
        worker.submit(import_module, "great_expectations")  # seconds, which no wake should wait
        bears = least_wakes(settings, definitions, connections, wake_after, say)
        listener = Listener(syncs, inbox, Windows(wake_after, bears), worker, say=say)

        def find(path: str) -> Source | None:
            sources = (_source(one) for one in syncs if not one.is_gone)
            return next((source for source in sources if source.path == path), None)

        sys.setswitchinterval(SWITCH_S)
        app = receiver(find, Office(listener.store, listener.refuse))
        for source in map(_source, syncs):
            say(f"{source.sync}: listening on {_at(address.host)}:{bound.getsockname()[1]}"
                f"{source.path} for {public}{source.path}")  # fmt: skip
        _serve_until_told(app, bound, listener, say)


def _doorkeeper(
    definition: Definition, connections: Connections, settings: Settings, state: State,
    public: str, say: Callable[[str], object],
) -> Doorkeeper:  # fmt: skip
    account = definition.connections.engagement
    connection = connections[account]
    assert isinstance(connection, MailigenConnection)  # `load` has seen to it
    secret = webhook_secret(account, connection, settings)
    name = definition.name
    try:
        held = lease.acquire(state, listener_name(name), run_id=f"listen-{uuid4().hex[:6]}")
    except LeaseHeld as error:
        raise ListenError(
            f"somebody listens for {name} already: process {error.pid} on {error.host}. "
            "End that one first"
        ) from error
    keeper = Doorkeeper(
        definition, connections, settings, state, held, secret=secret, say=say,
        address_of=lambda account: public + _path(name, account),
        files=Reading(lambda: stamp_of(settings), lambda: read_files(settings, name)),
    )  # fmt: skip
    keeper.held.enter_context(lease.keeping(held))
    return keeper


def stamp_of(settings: Settings) -> tuple[tuple[str, int, int], ...]:
    """Another value after every edit of a definition or of the connections."""
    found = []
    for file in sorted([*settings.syncs.glob("*.y*ml"), settings.connections]):
        with suppress(OSError):  # gone since it was listed
            stat = file.stat()
            found.append((str(file), stat.st_mtime_ns, stat.st_size))
    return tuple(found)


def read_files(settings: Settings, sync: str) -> Files:
    """What the files say of a sync just now; one mistake is told, `check` tells the others."""
    definitions = load(settings, with_secrets=False)
    try:
        definition = definitions.get(sync)
    except UnknownSyncError:
        return Files(None, definitions.connections)
    except DefinitionsError as error:
        return Files(None, {}, str(error).splitlines()[0])
    return Files(definition, definitions.connections)


def _path(sync: str, account: str) -> str:
    return Source(sync, account, lambda *_: False).path


def _source(listening: Listening) -> Source:
    return Source(listening.name, listening.account, listening.is_signed)


def _bind(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address.host, address.port))
        bound.listen(256)
    except OSError as error:
        bound.close()
        raise ListenError(
            f"port {address.port} on {address.host} cannot be had: {error.strerror}. "
            "Choose another with --port, or end who has it"
        ) from error
    return bound


def _at(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _serve_until_told(
    app: Any, bound: socket.socket, listener: Listener, say: Callable[[str], object]
) -> None:
    ended = threading.Event()

    def end(signal_number: int, _frame: object) -> None:
        # A second one ends the process at once: what is stored and sealed survives that.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        say(f"{signal.Signals(signal_number).name}: ending; once more ends at once")
        ended.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    server = uvicorn.Server(_quiet(app))
    receiving = threading.Thread(target=server.run, args=([bound],), name="receiver", daemon=True)
    receiving.start()
    with ThreadPoolExecutor(1, thread_name_prefix="listen") as loop:
        result = loop.submit(listener.work)
        result.add_done_callback(lambda _: ended.set())
        ended.wait()
        server.should_exit = True
        receiving.join(timeout=15)
        listener.stop()
        result.result()
    for number, handler in before.items():
        signal.signal(number, handler)


def _quiet(app: Any) -> uvicorn.Config:
    # Its own complaints (a request nobody can parse) are for a debugger, and may quote the request.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    return uvicorn.Config(
        app, http=PromptProtocol, ws="none", loop="asyncio", lifespan="off", log_config=None,
        access_log=False, server_header=False, proxy_headers=False,
        limit_concurrency=MOST_AT_ONCE, timeout_graceful_shutdown=5, timeout_keep_alive=15,
    )  # fmt: skip
