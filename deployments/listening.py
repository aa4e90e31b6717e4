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
from contextlib import ExitStack
from importlib import import_module
from typing import Any, NamedTuple

import uvicorn

from deployments.doorkeepers import Doorkeepers, ListenError
from deployments.windows_told import WindowsTold
from pipelines.definition import SyncDefinition
from pipelines.settings import Connections, Settings
from state.database import open_state
from state.inbox import Inbox
from web.listen import Listener
from web.prompt import PromptProtocol
from web.receiver import Office, receiver
from web.windows import Windows

MOST_AT_ONCE = 500  # connections; above, a vendor tries again, or the sweep finds it
# A run computes in the same process: what knocks must not wait for whole turns of Python's lock.
SWITCH_S = 0.001


class Address(NamedTuple):
    """Where the port is, and how the vendor reaches it ('' for: as it is)."""

    host: str
    port: int
    public_url: str


def listen(
    settings: Settings,
    definitions: Sequence[SyncDefinition],
    connections: Connections,
    address: Address,
    wake_after: float,
    say: Callable[[str], object],
    *,
    are_all: bool,
) -> None:
    """Listen until SIGTERM or SIGINT, then end in order. ListenError: it could not begin.

    With `are_all` also for syncs that files list later.

    Raises whatever a run raised that nobody foresaw: better ended, and started again by whoever
    supervises it, than deaf with an open port.
    """
    settings.make_home()
    with ExitStack() as stack:
        told = None
        if settings.prefect_api_url is not None:
            # Prefect takes a second to import: not from the first wake.
            import_module("deployments.scheduled")
            told = WindowsTold(settings.prefect_api_url, say)
            stack.callback(told.close)
        bound = stack.enter_context(_bind(address))
        public = address.public_url or f"http://{_at(address.host)}:{bound.getsockname()[1]}"
        state = open_state(settings.state_url)
        stack.callback(state.close)
        at = f"{_at(address.host)}:{bound.getsockname()[1]}"
        doors = Doorkeepers(
            settings,
            state,
            at,
            public,
            wake_after,
            say,
            stack.enter_context(ExitStack()),
            are_all,
            told,
        )
        syncs = [doors.open(one, connections) for one in definitions]
        inbox = Inbox(settings.home)
        stack.callback(inbox.close)
        worker = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="run"))
        worker.submit(import_module, "great_expectations")  # seconds, which no wake should wait
        windows = Windows(wake_after, doors.least_wake, doors.is_prompt)
        listener = Listener(syncs, inbox, windows, worker, say=say, added=doors.added)
        sys.setswitchinterval(SWITCH_S)
        app = receiver(doors.find, Office(listener.store, listener.refuse))
        for one in syncs:
            doors.introduce(one)
        _serve_until_told(app, bound, listener, say)


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
