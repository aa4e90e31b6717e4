"""Show windows in Prefect: each that wrote something or failed, as a flow run that has ended.

A window takes a second; making a flow run around it would take as long again. So it is told of
afterwards, by a thread of its own: a server that is down or slow holds up no window, and what it
was not told of stands in `history.writes` all the same.
"""

import logging
import queue
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import httpx

from pipelines.report import Outcome

WAITING_MOST = 1000  # windows; above it the server is not keeping up, and the newest are left out
GIVE_UP_S = 5.0  # at the end of the listener


class Told(NamedTuple):
    """A window and the kind of its sync, whose flow it is shown under."""

    kind: str
    outcome: Outcome


class WindowsTold:
    """Tells the server at `api_url`. Close it."""

    def __init__(self, api_url: str, say: Callable[[str], object]) -> None:
        self._api_url, self._say = api_url, say
        self._waiting: queue.Queue[Told | None] = queue.Queue(WAITING_MOST)
        self._is_silent = False
        self._thread = threading.Thread(target=self._work, name="windows told", daemon=True)
        self._thread.start()

    def tell(self, kind: str, outcome: Outcome) -> None:
        """Have it shown soon, if there is something to show."""
        if not is_worth_it(outcome):
            return
        try:
            self._waiting.put_nowait(Told(kind, outcome))
        except queue.Full:
            self._complain("does not keep up")

    def close(self) -> None:
        """Tell what waits, but not for ever."""
        try:
            self._waiting.put(None, timeout=GIVE_UP_S)
        except queue.Full:
            return
        self._thread.join(GIVE_UP_S)

    def _work(self) -> None:
        # Prefect takes a second to import, and is asked for by nobody else here.
        from prefect.client.orchestration import SyncPrefectClient
        from prefect.exceptions import PrefectHTTPStatusError
        from prefect.settings import get_current_settings

        from deployments.scheduled import FLOWS, end_state

        api = get_current_settings().api
        key = api.key.get_secret_value() if api.key else None
        word = api.auth_string.get_secret_value() if api.auth_string else None
        with SyncPrefectClient(self._api_url, api_key=key, auth_string=word) as client:
            while (told := self._waiting.get()) is not None:
                one = told.outcome
                state = end_state(one)
                state.data = None
                try:
                    run = client.create_flow_run(
                        FLOWS[told.kind], name=f"{one.sync} {one.run_id}", state=state,
                        parameters={"sync": one.sync}, tags=["syncline", "window", one.sync],
                    )  # fmt: skip
                    client.create_logs([{
                        "name": "syncline", "level": logging.INFO if state.is_completed()
                        else logging.ERROR, "message": in_words(one), "flow_run_id": str(run.id),
                        "timestamp": datetime.now(UTC).isoformat(),
                    }])  # fmt: skip
                except (httpx.HTTPError, PrefectHTTPStatusError) as error:
                    self._complain(f"cannot be told of windows ({type(error).__name__})")
                else:
                    self._is_silent = False

    def _complain(self, said: str) -> None:
        """Once, until it is well again."""
        if not self._is_silent:
            self._say(f"Prefect {said}; they go on, and history.writes has what they wrote")
        self._is_silent = True


def in_words(outcome: Outcome) -> str:
    """What its page says: the ending, and where each write of it is to be seen."""
    return (
        f"{outcome.outcome} in {outcome.seconds:.1f} s: {outcome.said}\n"
        f"each write, once the next run has published: syncline sql {outcome.sync} "
        f"\"from history.writes where run_id = '{outcome.run_id}'\""
    )


def is_worth_it(outcome: Outcome) -> bool:
    """Whether a window is of interest to anybody: most find nothing to write."""
    wrote = any(outcome.counts.get(one) for one in ("done", "adopted", "refused", "open"))
    return bool(wrote) or outcome.outcome not in ("done", "skipped")
