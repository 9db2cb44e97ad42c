from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from conftest import Admin

from larder_client import Database, Lease

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


@pytest.mark.larder(template="reused", preset="one")
class TestARecyclingPreset:
    """The workspace that a test gives back is reset for the next one, where no replacement has begun."""

    seen: list[str] = []

    @pytest.mark.parametrize("attempt", range(3))
    def test_gives_the_workspace_to_the_next_test(
        self, paused: None, larder_workspace: Lease, attempt: int
    ) -> None:
        assert larder_workspace.claim.workspace
        self.seen.append(larder_workspace.claim.workspace.id)

        assert set(self.seen) == {self.seen[0]}

    @pytest.fixture
    def paused(self, admin: Admin) -> None:
        preset = admin.preset("reused", "one")
        while admin.call("GET", f"/presets/{preset}/pool")["eligible"] == 0 and not self.seen:
            time.sleep(0.05)
        admin.call("POST", f"/presets/{preset}/pause", {"scope": "create"})


KILLED = """
import os, signal, pytest

@pytest.mark.larder(template="orders", preset="small", organization="clients", labels={"run": "%s"}, ttl=2)
def test_that_is_killed(larder_database):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_run_leaves_no_claim(tmp_path: Path, admin: Admin, run: str) -> None:
    (tmp_path / "test_killed.py").write_text(KILLED % run)

    killed = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)], env=os.environ, check=False
    )

    assert killed.returncode == -signal.SIGKILL
    assert [claim["status"] for claim in admin.claims(run)] == ["active"]
    until = time.monotonic() + 30
    while admin.claims(run)[0]["status"] == "active" and time.monotonic() < until:
        time.sleep(0.1)
    assert [claim["status"] for claim in admin.claims(run)] == ["expired"]
