"""Gives each test a workspace of its own from stock, and gives it back after the test.

Which one: the ini options ``larder_organization``, ``larder_template`` and ``larder_preset``, or the marker
``@pytest.mark.larder(template="orders", preset="small", parameters={"region": "eu"})`` on a test, class or module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from .client import Larder
from .lease import Lease
from .models import Database

OPTIONS = {
    "larder_organization": "organization of the claimed template; default: that of the token's user",
    "larder_template": "template that the fixtures claim from",
    "larder_preset": "preset that the fixtures claim from",
    "larder_ttl": "seconds until the workspace of a killed run is taken back; default 120",
    "larder_wait": "seconds that a test waits for stock; default 300",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    for name, meaning in OPTIONS.items():
        parser.addini(name, meaning, default="")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "larder(template, preset, organization, parameters, …): what the fixtures claim")


@pytest.fixture(scope="session")
def larder_client() -> Larder:
    """The client of this run: ``LARDER_URL`` and ``LARDER_TOKEN``."""
    try:
        return Larder()
    except ValueError as missing:
        pytest.fail(f"larder: {missing}; LARDER_URL and LARDER_TOKEN name the server", pytrace=False)


@pytest.fixture
def larder_workspace(request: pytest.FixtureRequest, larder_client: Larder) -> Iterator[Lease]:
    """A workspace of the test's own. Its outputs are ``larder_workspace.outputs``."""
    config = request.config
    wanted: dict[str, Any] = {
        name: config.getini(f"larder_{name}") or None for name in ("organization", "template", "preset")
    }
    for marker in reversed(list(request.node.iter_markers("larder"))):
        wanted |= marker.kwargs
    wait = float(config.getini("larder_wait") or 300)
    terms: dict[str, Any] = {"policy": "wait", "labels": {"test": _label(request.node.name)}}
    if wanted.get("policy", "wait") in ("wait", "wait_then_cold"):
        terms["timeout"] = wait
    ttl = float(config.getini("larder_ttl") or 120)
    with larder_client.claimed(**{"ttl": ttl, "ready_within": wait, **terms, **wanted}) as lease:
        yield lease


@pytest.fixture
def larder_database(larder_workspace: Lease) -> Database:
    """A database of the test's own: ``larder_database.url``, ``.host``, ``.port``, ``.name``, ``.user``, ``.password``."""
    return larder_workspace.database


def _label(name: str) -> str:
    """Labels have the form that Kubernetes gives them: 63 characters, letters and digits at both ends."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:63].strip("_.-") or "test"
