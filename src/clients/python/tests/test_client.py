from __future__ import annotations

import os
import time
import traceback
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from between import Between
from conftest import ORGANIZATION, Admin

from larder_client import (
    Larder,
    LeaseLost,
    NoStock,
    Refused,
    TimedOut,
    Unauthorized,
    Unavailable,
    WorkspaceFailed,
)


def test_a_claimed_database_is_waited_for_renewed_used_and_released(larder: Larder, admin: Admin, run: str) -> None:
    claim = larder.claim(
        "orders", "small", organization=ORGANIZATION, policy="wait", timeout=120, ttl=60, labels={"run": run}
    )
    claim = larder.wait_until_ready(claim)

    renewed = larder.renew(claim, 600)
    with psycopg.connect(claim.outputs["url"]) as connection:
        orders = connection.execute("SELECT count(*) FROM orders").fetchone()
    larder.release(claim)
    larder.release(claim)

    assert orders == (3000,)
    assert claim.expires_at and renewed.expires_at and renewed.expires_at > claim.expires_at
    assert [one["status"] for one in admin.claims(run)] == ["released"]


def test_parameters_choose_the_preset(larder: Larder, run: str) -> None:
    with larder.claimed(
        "orders", organization=ORGANIZATION, parameters={"region": "zurich"}, policy="wait", labels={"run": run}
    ) as lease:
        assert lease.claim.workspace and lease.claim.workspace.preset == "zurich"


def test_the_same_key_gets_the_same_claim(larder: Larder, run: str) -> None:
    wanted: dict[str, Any] = {"organization": ORGANIZATION, "policy": "wait", "ttl": 60, "key": run}
    first = larder.claim("box", "one", **wanted)

    second = larder.claim("box", "one", **wanted)

    larder.release(first)
    assert second.id == first.id


@pytest.mark.parametrize(("lose", "busy"), [(1, 0), (0, 2), (1, 1)])
def test_a_claim_whose_answer_is_lost_takes_one_workspace(admin: Admin, run: str, lose: int, busy: int) -> None:
    with Between(os.environ["LARDER_URL"], lose=lose, busy=busy) as between:
        claim = Larder(between.url).claim(
            "box", "one", organization=ORGANIZATION, policy="wait", ttl=60, labels={"run": run}
        )

        asked = len(between.seen)
        assert [one["id"] for one in admin.claims(run)] == [claim.id]
        Larder(between.url).release(claim)

    assert asked == 1 + lose + busy


def test_a_release_whose_answer_is_lost_is_sent_again(larder: Larder, run: str) -> None:
    claim = larder.claim("box", "one", organization=ORGANIZATION, policy="wait", ttl=60)
    with Between(os.environ["LARDER_URL"], lose=1, method="DELETE") as between:
        Larder(between.url).release(claim)

    assert larder.get(claim).status == "released"


def test_nothing_in_stock_is_no_stock_with_the_servers_code(larder: Larder) -> None:
    with pytest.raises(NoStock) as error:
        larder.claim("box", "cold", organization=ORGANIZATION)

    assert error.value.code in ("no_claimable_workspace", "creation_stopped")
    assert error.value.status == 409


def test_a_wait_for_stock_that_never_comes_ends_as_no_stock(larder: Larder) -> None:
    with pytest.raises(NoStock):
        larder.claim("box", "cold", organization=ORGANIZATION, policy="wait", timeout=1)


def test_a_refusal_names_the_field(larder: Larder) -> None:
    with pytest.raises(Refused) as unknown:
        larder.claim("no-such-template", "one", organization=ORGANIZATION)
    with pytest.raises(Refused) as wrong:
        larder.claim("box", "one", organization=ORGANIZATION, policy="perhaps")
    with pytest.raises(Refused) as long:
        larder.claim("box", "one", organization=ORGANIZATION, ttl=timedelta(days=99))

    assert unknown.value.code == "template_not_found"
    assert (wrong.value.code, wrong.value.violations[0].field) == ("unknown_policy", "policy")
    assert (long.value.code, long.value.violations[0].field) == ("out_of_range", "ttl")


def test_a_wrong_token_is_unauthorized_and_stays_secret() -> None:
    stranger = Larder(token="larder_not-a-token-at-all")

    with pytest.raises(Unauthorized) as error:
        stranger.claim("box", "one", organization=ORGANIZATION)

    assert error.value.code == "invalid_token"
    assert "not-a-token" not in repr(stranger) + "".join(traceback.format_exception(error.value))


def test_the_former_name_of_the_address_is_read_where_the_name_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LARDER_SERVER", "http://127.0.0.1:9")
    assert "127.0.0.1:9'" not in repr(Larder())

    monkeypatch.delenv("LARDER_URL")
    assert "127.0.0.1:9'" in repr(Larder())


def test_a_server_that_is_away_is_unavailable_after_the_time_for_retries() -> None:
    begun = time.monotonic()

    with pytest.raises(Unavailable) as error:
        Larder("http://127.0.0.1:9", retry=0.5).claim("box", "one")

    assert error.value.code == "unreachable"
    assert time.monotonic() - begun < 5


def test_a_build_that_fails_is_a_failed_workspace(larder: Larder) -> None:
    claim = larder.claim("broken", "cold", organization=ORGANIZATION, policy="cold", ttl=60)

    with pytest.raises(WorkspaceFailed) as error:
        larder.wait_until_ready(claim)

    assert error.value.code == larder.get(claim).code


def test_a_wait_that_is_too_short_times_out_and_the_claim_goes_on(larder: Larder) -> None:
    claim = larder.claim("slow", "cold", organization=ORGANIZATION, policy="cold", ttl=60)

    with pytest.raises(TimedOut):
        larder.wait_until_ready(claim, 1)

    assert larder.get(claim).status == "active"
    larder.release(claim)


def test_a_workspace_that_is_prepared_after_the_claim_is_waited_for(larder: Larder) -> None:
    with larder.claimed("prepared", "one", organization=ORGANIZATION, policy="wait") as lease:
        assert lease.claim.workspace and lease.claim.workspace.status == "ready"


def test_a_lease_is_renewed_while_the_block_runs_and_while_a_cold_build_takes_longer(larder: Larder, run: str) -> None:
    with larder.claimed(
        "slow", "cold", organization=ORGANIZATION, policy="cold", ttl=2, labels={"run": run}
    ) as lease:
        assert lease.outputs["host"] == "slow"
        assert not lease.lost.wait(3)
        assert larder.get(lease.claim).status == "active"

    assert larder.get(lease.claim).status == "released"


def test_a_block_that_fails_releases_and_its_own_error_is_raised(larder: Larder) -> None:
    with pytest.raises(ZeroDivisionError):
        with larder.claimed("box", "one", organization=ORGANIZATION, policy="wait") as lease:
            1 / 0

    assert larder.get(lease.claim).status == "released"


def test_a_lost_lease_is_told_to_the_block_and_raised_at_its_end(larder: Larder, admin: Admin) -> None:
    told: list[LeaseLost] = []
    with pytest.raises(LeaseLost) as error:
        with larder.claimed(
            "box", "one", organization=ORGANIZATION, policy="wait", ttl=2, on_lost=told.append
        ) as lease:
            larder.release(lease.claim)

            assert lease.lost.wait(5)
            with pytest.raises(LeaseLost):
                lease.check()

    assert told == [error.value]


def test_a_lease_that_cannot_be_renewed_is_lost_when_its_time_is_over() -> None:
    with Between(os.environ["LARDER_URL"]) as between:
        with pytest.raises(LeaseLost) as error:
            with Larder(between.url, retry=1).claimed(
                "box", "one", organization=ORGANIZATION, policy="wait", ttl=2
            ) as lease:
                between.cut.set()

                assert lease.lost.wait(10)

    assert error.value.code == "expired"


def test_no_secret_is_in_a_representation(larder: Larder) -> None:
    with larder.claimed("orders", "small", organization=ORGANIZATION, policy="wait") as lease:
        shown = f"{lease!r} {lease.claim!r} {lease.claim} {lease.database} {lease.database!r} {larder!r}"

        assert lease.database.password not in shown
        assert os.environ["LARDER_TOKEN"] not in shown
