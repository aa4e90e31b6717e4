"""One seeded sandbox: clock, journal, faults, deliveries and the vendors with their books.

`reset` of the control surface throws a stage away and builds the next one.
"""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from sandbox.clock import OffsetClock
from sandbox.exchanges import exchanges_wanted
from sandbox.faults import Fault, Faults
from sandbox.journal import Journal, told_path
from sandbox.mailchimp import MailchimpVendor
from sandbox.mailigen import MailigenVendor
from sandbox.pipedrive import PipedriveVendor
from sandbox.population import populate
from sandbox.vendor import Answer, Batching, Crowded, Request, Vendor, Visiting
from sandbox.webhooks import Deliveries
from sandbox.world import World

# What the server makes of a mistake in a vendor's code.
CRASHED = Answer(500, {"content-type": "text/plain"}, b"Internal Server Error")
VENDORS = (
    ("pipedrive", PipedriveVendor),
    ("mailigen", MailigenVendor),
    ("mailchimp", MailchimpVendor),
)


class Stage:
    """Everything of one run that a reset rebuilds. `only` limits it to one vendor."""

    def __init__(self, seed: int, people: int, only: str | None, woken: Callable[[], None]) -> None:
        self.seed, self.people = seed, people
        self.clock = OffsetClock(woken)
        self.journal = Journal()
        self._exchanges = exchanges_wanted()
        self.faults = Faults()
        self.deliveries = Deliveries(self.clock, self.faults)
        inhabitants = populate(seed, people)
        self.vendors: dict[str, Vendor] = {}
        for name, build in VENDORS:
            if only in (None, name):
                world = World(
                    seed=seed,
                    people=inhabitants,
                    clock=self.clock,
                    note=partial(self.journal.note, name),
                    deliver=self.deliveries.send,
                )
                self.vendors[name] = build(world)
        if only and only not in self.vendors:
            raise ValueError(f"no vendor {only!r}; there are {[name for name, _ in VENDORS]}")
        self.deliveries.vendors = self.vendors
        # Looked up once: vendors without these manners cost no request anything.
        self.crowded = {n: v for n, v in self.vendors.items() if isinstance(v, Crowded)}
        self.visiting = {n: v for n, v in self.vendors.items() if isinstance(v, Visiting)}
        self.in_flight = Counter[tuple[str, str]]()
        self.journal.is_open = True

    def catch_up(self) -> None:
        """Do what has fallen due, and write down what it changed."""
        self.clock.run_due()
        self.journal.write_due(self.clock.now())

    def fault_for(self, name: str, request: Request) -> Fault | None:
        return self.faults.for_request(name, request.method, self.vendors[name].call_name(request))

    def perform(self, name: str, request: Request, *, is_answered: bool = True) -> Answer:
        """Let the vendor handle the request and write the journal's line."""
        answer = CRASHED
        try:
            answer = self.vendors[name].handle(request)
        finally:
            self._keep(name, request, answer)
        self.write(name, request, answer.status if is_answered else 0)
        return answer

    def turn_away(self, name: str, request: Request, status: int) -> None:
        """The vendor never sees the request: the journal's line, and what was asked."""
        self._keep(name, request, None)
        self.write(name, request, status)

    def break_off(self, name: str, request: Request, rows: int) -> None:
        """Let the vendor handle only the first rows of a batch; nobody hears an answer."""
        vendor = self.vendors[name]
        read = vendor.first_rows(request, rows) if isinstance(vendor, Batching) else request
        self.perform(name, read, is_answered=False)

    def perform_later(self, name: str, request: Request, delay_s: float) -> None:
        """Handle the request after `delay_s` of sandbox time; nobody hears the answer."""
        due = request.at + timedelta(seconds=delay_s)

        def commit() -> None:
            self.perform(name, request._replace(at=due), is_answered=False)

        self.clock.at(due, commit)

    def _keep(self, name: str, request: Request, answer: Answer | None) -> None:
        if self._exchanges:
            self._exchanges.keep(name, request, answer)

    def write(self, name: str, request: Request, status: int) -> None:
        self.journal.write(request.at, name, request.method, told_path(request), status)
