"""From a method and a path to the function that answers, and from its result to a reply."""

from datetime import datetime
from functools import partial
from typing import NamedTuple

from sandbox.mailchimp.account import Account
from sandbox.mailchimp.call import Asked, Call, Replied
from sandbox.mailchimp.problems import ProblemError, not_found, wrong_method
from sandbox.mailchimp.projection import projected
from sandbox.mailchimp.routes import ROUTES, Answering


class Visit(NamedTuple):
    """What all calls of one request share: whose they are, when and where they came in."""

    account: Account
    at: datetime
    root: str  # the URL up to and with /3.0
    search_lag_s: float = 0.0
    visited: int | None = None  # see Call


def perform(visit: Visit, asked: Asked) -> Replied:
    """Carry out a call; a problem is a reply too. Its `instance` is new each time."""
    try:
        answer, matched = find(asked.method, asked.path)
        call = Call(
            account=visit.account,
            path=matched,
            query=asked.query,
            raw=asked.raw,
            at=visit.at,
            root=visit.root,
            replay=partial(_again, visit),
            search_lag_s=visit.search_lag_s,
            visited=visit.visited,
        )
        body = answer(call)
    except ProblemError as problem:
        return refused(visit.account, problem)
    if body is None:
        return Replied(204, None)
    return Replied(200, projected(body, asked.query))


def _again(visit: Visit, asked: Asked) -> Replied:
    """The same caller later: an operation of a batch is carried out when its time has come."""
    now = visit.account.world.clock.now()
    return perform(visit._replace(at=now, search_lag_s=0.0, visited=None), asked)


def refused(account: Account, problem: ProblemError) -> Replied:
    has_type = account.assumed["type_in_member_400s"]
    body = problem.body(account.new_instance(), has_type=has_type)
    return Replied(problem.status, body, problem.headers)


def find(method: str, path: str) -> tuple[Answering, dict[str, str]]:
    """The function and what the placeholders matched; a problem for what there is not."""
    parts = [part for part in path.split("/") if part]
    allowed = []
    for route, pattern in _PATTERNS.get(len(parts), ()):
        if all(p.startswith("{") or p == part for p, part in zip(pattern, parts, strict=True)):
            if route.method == method:
                pairs = zip(pattern, parts, strict=True)
                return route.answer, {p[1:-1]: part for p, part in pairs if p.startswith("{")}
            allowed.append(route.method)
    raise wrong_method(allowed) if allowed else not_found()


_PATTERNS = {
    length: [
        (route, pattern)
        for route in ROUTES
        if len(pattern := route.path.strip("/").split("/") if route.path != "/" else []) == length
    ]
    for length in range(9)
}
