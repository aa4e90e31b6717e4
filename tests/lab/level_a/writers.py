"""The loader's way to the simulated vendor: requests that get lost, late, cut, refused or through.

Each request draws its own fate from the schedule's dice. A `Line` belongs to one holder: its
boundaries are where that holder can die or freeze.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.errors import NotSent, OutcomeUnknown, Refused, Throttled, TryAgain
from pipelines.load import Sent
from state.deeds import Deed
from state.settings import Setting
from tests.lab.level_a.story import FAULTS, TIMEOUT, Weather
from tests.lab.level_a.vendor import Books

Commit = Callable[[], Any]


@dataclass
class Sky:
    """The weather of one schedule and what is left of its faults."""

    dice: random.Random
    weather: Weather
    faults_left: int
    ordered: list[str] = field(default_factory=list)  # what the next requests suffer
    late_update: str = field(init=False)

    def __post_init__(self) -> None:
        self.late_update = self.weather.late_update

    def fault(self, updates: str = "") -> str:
        """Draw what a request suffers; `updates` is the one member it updates, if it does."""
        if self.ordered:
            return self.ordered.pop(0)
        if updates and updates == self.late_update and self.faults_left > 0:
            self.late_update = ""
            self.faults_left -= 1
            return "late_commit"
        if self.faults_left <= 0 or self.dice.random() >= self.weather.fault_chance:
            return ""
        self.faults_left -= 1
        return self.dice.choice(FAULTS)

    def delay(self) -> float:
        return self.dice.uniform(self.weather.least_delay, self.weather.most_delay)

    def lag(self) -> float:
        """How long a commit stays out of the list: mostly not at all."""
        if self.faults_left <= 0 or self.dice.random() < 0.8:
            return 0.0
        return self.delay()

    def latency(self) -> float:
        return self.dice.uniform(0.05, self.weather.most_latency or 0.1)


@dataclass
class Line:
    """One holder's connection to the vendor."""

    books: Books
    sky: Sky
    boundary: Callable[[str], None]
    pause: Callable[[float], None]
    later: Callable[[float, Commit], None]

    def request(self, commit: Callable[[float], Any], updates: str = "") -> Any:
        """Send one write; `commit(lag)` does it at the vendor.

        Raises what a client would have to conclude from the answer, or from the lack of one.
        """
        self.boundary("before send")
        fault = self.sky.fault(updates)
        if fault in _NEVER_ARRIVES:
            self.pause(0.05)
            raise _NEVER_ARRIVES[fault]()
        if fault == "lost_request":
            self.pause(TIMEOUT)
            raise _unknown("no answer")
        if fault == "late_commit":
            self.later(self.sky.delay(), lambda: commit(0.0))
            self.pause(min(TIMEOUT, self.sky.weather.most_latency))
            raise _unknown("no answer")
        result = commit(self.sky.lag())
        self.boundary("committed at the vendor")
        self.pause(TIMEOUT if fault == "lost_answer" else self.sky.latency())
        if fault in ("lost_answer", "error_after_commit", "truncated", "partial"):
            raise _unknown(fault)
        self.boundary("answered")
        return result


def _unknown(said: str) -> OutcomeUnknown:
    return OutcomeUnknown("vendor", "POST", said)


_NEVER_ARRIVES: dict[str, Callable[[], Exception]] = {
    "refused": lambda: Refused("vendor", "POST", "no"),
    "throttled": lambda: Throttled("vendor", "POST", "slow down", retry_after=1.0),
    "not_sent": lambda: NotSent("vendor", "POST", "no connection"),
}


@dataclass
class Notes:
    """Notes carry their reference in the text's last line. The two flags are protections."""

    line: Line
    has_marker: bool = True
    has_read_back: bool = True

    def send(self, deed: Deed) -> str:
        marker = deed.marker if self.has_marker else ""
        books, text = self.line.books, deed.body["text"]
        return str(
            self.line.request(lambda lag: books.create_note(deed.subject, text, marker, lag))
        )

    def find(self, deed: Deed) -> str | None:
        if not self.has_read_back:
            return None
        return self.line.books.find_note(deed.subject, deed.marker)


@dataclass
class Persons:
    """Persons carry their reference in a field of their own."""

    line: Line

    def send(self, deed: Deed) -> str:
        books, address = self.line.books, deed.body["address"]
        return str(self.line.request(lambda lag: books.create_person(address, deed.marker, lag)))

    def find(self, deed: Deed) -> str | None:
        seen = self.line.books.seen_persons()
        return next((p.person_id for p in seen if p.marker == deed.marker), None)


@dataclass
class Members:
    """Places on a list: creates travel in a batch, updates alone; no verb sets a status."""

    line: Line
    has_consent: bool = True

    def parts(self, window: Sequence[Setting]) -> list[Sequence[Setting]]:
        return [window] if window[0].verb == "create" else [[s] for s in window]

    def send(self, verb: str, window: Sequence[Setting]) -> list[Sent]:
        if verb == "create":
            return self._create(window)
        return [self._update(setting) for setting in window]

    def observe(self, setting: Setting) -> Any:
        seen = self.line.books.seen_member(setting.subject)
        return None if seen is None else seen.value

    def _create(self, window: Sequence[Setting]) -> list[Sent]:
        books, sky = self.line.books, self.line.sky

        def commit(lag: float) -> list[str]:
            # A batch may break off: rows after the break are not looked at.
            rows = window[: sky.dice.randint(0, len(window))] if sky.dice.random() < 0.2 else window
            again = not self.has_consent
            made = [books.create_member(s.subject, s.desired, lag, again) for s in rows]
            answers = ["done" if one else "already" for one in made]
            return answers + ["refused"] * (len(window) - len(rows))

        try:
            answers = self.line.request(commit)
        except (TryAgain, Refused, OutcomeUnknown) as error:
            return [Sent(s.key, _result(error), str(error)) for s in window]
        return [
            self._update(setting)
            if answer == "already" and self._is_subscribed(setting)
            else Sent(setting.key, "done" if answer == "done" else "refused", answer)
            for setting, answer in zip(window, answers, strict=True)
        ]

    def _is_subscribed(self, setting: Setting) -> bool:
        there = self.line.books.member(setting.subject)
        return there is not None and there.status == "subscribed"

    def _update(self, setting: Setting) -> Sent:
        def commit(lag: float) -> bool:
            return self.line.books.update_member(setting.subject, setting.desired, lag)

        try:
            is_there = self.line.request(commit, updates=setting.subject)
        except (TryAgain, Refused, OutcomeUnknown) as error:
            return Sent(setting.key, _result(error), str(error))
        return Sent(setting.key, "done" if is_there else "refused", "")


def _result(error: Exception) -> str:
    if isinstance(error, TryAgain):
        return "planned"
    return "refused" if isinstance(error, Refused) else "unknown"
