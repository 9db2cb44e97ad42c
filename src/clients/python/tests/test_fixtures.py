from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from conftest import Admin

from larder_client import Database, Lease

PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
OWN: set[str] = set()


@pytest.mark.parametrize("attempt", range(3))
def test_each_test_has_a_database_of_its_own(larder_database: Database, attempt: int) -> None:
    with psycopg.connect(larder_database.url) as connection:
        connection.execute("CREATE TABLE mine ()")

    assert larder_database.name not in OWN
    OWN.add(larder_database.name)


@pytest.mark.larder(preset=None, parameters={"region": "zurich"})
def test_a_marker_chooses_what_is_claimed(larder_workspace: Lease) -> None:
    assert larder_workspace.claim.workspace and larder_workspace.claim.workspace.preset == "zurich"


KILLED = """
import os, signal, pytest

@pytest.mark.larder(template="orders", preset="small", organization="clients", labels={"run": "%s"}, ttl=2)
def test_that_is_killed(larder_database):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_run_leaves_no_claim(tmp_path: Path, admin: Admin, run: str) -> None:
    (tmp_path / "test_killed.py").write_text(KILLED % run)

    killed = subprocess.run([*PYTEST, str(tmp_path)], check=False)

    assert killed.returncode == -signal.SIGKILL
    assert [claim["status"] for claim in admin.claims(run)] == ["active"]
    until = time.monotonic() + 30
    while admin.claims(run)[0]["status"] == "active" and time.monotonic() < until:
        time.sleep(0.1)
    assert [claim["status"] for claim in admin.claims(run)] == ["expired"]
