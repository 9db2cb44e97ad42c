"""soak.py COUNT: COUNT tests, four at a time, each on a database of its own, in three ways; prints what each costs.

The ways: Larder's stock; a copy of a template at request (CREATE DATABASE … TEMPLATE, as integresql does it); and
CREATE DATABASE with the schema and its data each time.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psycopg

POSTGRES = os.environ["LARDER_TEST_POSTGRES"]
TEMPLATE = "soak_python"


def main() -> None:
    count = sys.argv[1]
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {TEMPLATE}")
    try:
        with psycopg.connect(POSTGRES.rpartition("/")[0] + "/" + TEMPLATE) as connection:
            connection.execute(Path(os.environ["LARDER_TEST_SCHEMA"]).read_bytes())
        for way in ("stock", "template", "fresh"):
            print(line(way, count), flush=True)
    finally:
        with psycopg.connect(POSTGRES, autocommit=True) as server:
            server.execute(f"DROP DATABASE {TEMPLATE}")


def line(way: str, count: str) -> str:
    times = Path(os.environ["LARDER_TEST_TARGET"]) / f"soak-python-{way}.txt"
    times.unlink(missing_ok=True)
    begun = time.monotonic()
    suite = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "4", "tests/soak_suite.py"],
        env={**os.environ, "LARDER_TEST_COUNT": count, "LARDER_SOAK_WAY": way, "LARDER_SOAK_TIMES": str(times)},
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.monotonic() - begun
    if suite.returncode != 0:
        raise SystemExit(f"{way}:\n{suite.stdout}\n{suite.stderr}")
    waits = sorted(float(text) * 1000 for text in times.read_text().split())
    return (
        f"soak pytest  {way:9} {len(waits)} tests, 4 at a time: {took / len(waits) * 1000:.0f} ms per test, "
        f"database after p50 {statistics.median(waits):.1f} ms, p99 {waits[int(len(waits) * 0.99)]:.1f} ms"
    )


if __name__ == "__main__":
    main()
