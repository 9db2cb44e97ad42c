"""One test that runs many times, each time on a database of its own. ``soak.py`` runs it in three ways."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from larder_client import Database

COUNT = int(os.environ["LARDER_TEST_COUNT"])
WAY = os.environ["LARDER_SOAK_WAY"]
TIMES = Path(os.environ["LARDER_SOAK_TIMES"])
POSTGRES = os.environ["LARDER_TEST_POSTGRES"]
TEMPLATE = "soak_python"


@pytest.fixture
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    begun = time.perf_counter()
    if WAY == "stock":
        database: Database = request.getfixturevalue("larder_database")
        note(time.perf_counter() - begun)
        yield database.url
        return
    name = "soak_" + uuid.uuid4().hex
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {TEMPLATE}" if WAY == "template" else ""))
    own = POSTGRES.rpartition("/")[0] + "/" + name
    if WAY == "fresh":
        with psycopg.connect(own) as connection:
            connection.execute(Path(os.environ["LARDER_TEST_SCHEMA"]).read_bytes())
    note(time.perf_counter() - begun)
    yield own
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute(f"DROP DATABASE {name}")


def note(seconds: float) -> None:
    with TIMES.open("a") as times:
        times.write(f"{seconds}\n")


@pytest.mark.parametrize("number", range(COUNT))
def test_adds_an_order(url: str, number: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO orders SELECT 3001, 1, now()")
        found = connection.execute("SELECT count(*) FROM orders").fetchone()

    assert found == (3001,)
