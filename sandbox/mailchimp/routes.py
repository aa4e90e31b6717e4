"""Every call of the API that this sandbox answers: each file of calls brings its own rows."""

from sandbox.mailchimp import account_calls
from sandbox.mailchimp.route import Answering, Route

ROUTES: list[Route] = [
    *account_calls.ROUTES,
]

__all__ = ["ROUTES", "Answering", "Route"]
