"""A fresh Mailchimp for each test."""

import pytest
from mailchimp_desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()
