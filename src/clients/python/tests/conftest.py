from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from larder_client import Larder
from larder_client.transport import Transport

ORGANIZATION = "clients"


class Admin:
    """Calls that the client does not have: the tests look at what the server knows."""

    def __init__(self) -> None:
        self._transport = Transport(os.environ["LARDER_URL"], os.environ["LARDER_TEST_ADMIN_TOKEN"], 30)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._transport.call(method, "/api/v1" + path, body).body

    def claims(self, label: str) -> list[Any]:
        """The claims of one test, by the value of its label ``run``."""
        return list(self.call("GET", f"/claims?label=run={label}")["items"])


@pytest.fixture(scope="session")
def admin() -> Admin:
    return Admin()


@pytest.fixture
def larder() -> Larder:
    return Larder()


@pytest.fixture
def run() -> Iterator[str]:
    """A label's value that no other test has."""
    yield uuid.uuid4().hex
