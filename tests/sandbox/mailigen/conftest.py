"""A fresh Mailigen for each test."""

import pytest
from mailigen_desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()
