"""The account as it stands before anybody calls."""

from sandbox.mailchimp.account import Account


def seed_account(account: Account) -> None:
    """Nothing yet."""
    del account
