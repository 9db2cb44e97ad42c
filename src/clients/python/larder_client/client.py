"""The calls of the API that concern claims."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from .errors import LeaseLost, NoStock, TimedOut, WorkspaceFailed
from .lease import Lease
from .models import Claim
from .transport import Transport

Seconds = float | timedelta

HOLD_SECONDS = 20.0
FIRST_LOOK_SECONDS = 0.1
LONGEST_LOOK_SECONDS = 2.0


class Larder:
    """A client of one server. Threads may share it.

    ``server`` and ``token`` default to ``LARDER_URL`` and ``LARDER_TOKEN``. ``retry`` is how long a call is repeated
    while the connection is lost or the server answers 502, 503 or 504. A repeated claim never takes a second workspace,
    because each claim has an idempotency key.
    """

    def __init__(self, server: str | None = None, token: str | None = None, *, retry: Seconds = 30.0) -> None:
        self._transport = Transport(
            # LARDER_SERVER is the former name.
            server if server is not None else os.environ.get("LARDER_URL") or os.environ.get("LARDER_SERVER", ""),
            token if token is not None else os.environ.get("LARDER_TOKEN", ""),
            seconds(retry),
        )

    def __repr__(self) -> str:
        return f"Larder(server={self._transport.server!r})"

    def claim(
        self,
        template: str | None = None,
        preset: str | None = None,
        *,
        organization: str | None = None,
        presets: Sequence[str] | None = None,
        parameters: Mapping[str, str] | None = None,
        preset_id: str | None = None,
        policy: str | None = None,
        timeout: Seconds | None = None,
        ttl: Seconds | None = None,
        labels: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> Claim:
        """Claims one workspace.

        ``policy`` is ``fail`` (the server's default), ``wait``, ``cold`` or ``wait_then_cold``; ``timeout`` bounds the
        wait for stock. ``ttl`` makes the claim a lease; without it the claim lasts until it is released. ``key`` makes
        a repetition by the caller safe too; by default each call has a key of its own. The claim may still wait or be
        built: see :meth:`wait_until_ready`. Raises :class:`NoStock`, :class:`Refused` or :class:`Unauthorized`.
        """
        body = {
            "organization": organization,
            "template": template,
            "preset": preset,
            "presets": list(presets) if presets is not None else None,
            "parameters": dict(parameters) if parameters is not None else None,
            "presetId": preset_id,
            "policy": policy,
            "timeout": _duration(timeout),
            "ttl": _duration(ttl),
            "labels": dict(labels) if labels is not None else None,
        }
        waits = policy in ("wait", "wait_then_cold")
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        if waits:
            headers["Prefer"] = f"wait={HOLD_SECONDS:.0f}"
        answer = self._transport.call(
            "POST",
            "/api/v1/claims",
            {name: value for name, value in body.items() if value is not None},
            headers,
            hold_seconds=HOLD_SECONDS if waits else 0.0,
        )
        return Claim.of(answer.body)

    def get(self, claim: Claim | str) -> Claim:
        """The claim as it is now."""
        return self._get(claim, 0.0)

    def wait_until_ready(self, claim: Claim | str, timeout: Seconds = 300.0) -> Claim:
        """The claim once its workspace can be used.

        Raises :class:`TimedOut` after ``timeout`` (the claim goes on), :class:`NoStock` or :class:`WorkspaceFailed`
        where nothing came of it, and :class:`LeaseLost` where the claim has ended.
        """
        return self._wait(claim, seconds(timeout))

    def renew(self, claim: Claim | str, ttl: Seconds) -> Claim:
        """Makes the lease end ``ttl`` from now. Raises :class:`LeaseLost` where the claim has ended or still waits."""
        return self._renew(claim, seconds(ttl))

    def release(self, claim: Claim | str) -> None:
        """Gives the workspace back, or gives up a claim that waits. Once more does no harm."""
        self._transport.call("DELETE", f"/api/v1/claims/{_id(claim)}")

    def claimed(
        self,
        template: str | None = None,
        preset: str | None = None,
        *,
        ttl: Seconds = 120.0,
        ready_within: Seconds = 300.0,
        on_lost: Callable[[LeaseLost], object] | None = None,
        **wanted: Any,
    ) -> Lease:
        """A claim around a ``with`` block. ``wanted`` are further arguments of :meth:`claim`.

        The block begins when the workspace is ready. Until it ends, a thread renews the lease each third of ``ttl``.
        The claim is released however the block ends; where the process is killed, the lease ends it. A lost lease is
        told by ``lease.lost``, ``lease.check()`` and ``on_lost`` (called in that thread), and raised at the end of the
        block.
        """
        return Lease(self, seconds(ttl), seconds(ready_within), on_lost, {"template": template, "preset": preset, **wanted})

    def _get(self, claim: Claim | str, hold: float) -> Claim:
        headers = {"Prefer": f"wait={hold:.0f}"} if hold >= 1 else {}
        path = f"/api/v1/claims/{_id(claim)}"
        return Claim.of(self._transport.call("GET", path, headers=headers, hold_seconds=hold).body)

    def _wait(self, claim: Claim | str, within: float) -> Claim:
        until = time.monotonic() + within
        look = FIRST_LOOK_SECONDS
        seen = claim if isinstance(claim, Claim) else self.get(claim)
        while not is_ready(seen):
            left = until - time.monotonic()
            if left <= 0:
                raise TimedOut("timed_out", f"The workspace was not ready within {within:.0f} s.")
            asked = time.monotonic()
            seen = self._get(seen, min(HOLD_SECONDS, left))
            if not is_ready(seen) and time.monotonic() - asked < look:
                # The server does not hold the call for a workspace that is being prepared.
                time.sleep(min(look, max(0.0, until - time.monotonic())))
                look = min(look * 2, LONGEST_LOOK_SECONDS)
        return seen

    def _renew(
        self, claim: Claim | str, ttl: float, retry: float | None = None, pause: Callable[[float], object] = time.sleep
    ) -> Claim:
        answer = self._transport.call(
            "POST", f"/api/v1/claims/{_id(claim)}/renew", {"ttl": _duration(ttl)}, retry_seconds=retry, pause=pause
        )
        return Claim.of(answer.body)


def is_ready(claim: Claim) -> bool:
    """Whether the workspace can be used. Raises what the end of the claim means where it never will."""
    if claim.is_ready:
        return True
    reason = claim.reason or "The claim has ended."
    if claim.status in ("timed_out", "preset_not_active") or claim.code == "verification_failed":
        raise NoStock(claim.code or claim.status, reason)
    if claim.status == "failed":
        raise WorkspaceFailed(claim.code or "failed", reason)
    if claim.status not in ("active", "waiting"):
        raise LeaseLost(claim.code or "claim_ended", f"{reason} Its status is {claim.status}.")
    status = claim.workspace.status if claim.workspace else ""
    if status.endswith(("failed", "canceled")):
        raise WorkspaceFailed(claim.step_code or status, "The workspace could not be prepared.")
    return False


def seconds(time_span: Seconds) -> float:
    return time_span.total_seconds() if isinstance(time_span, timedelta) else float(time_span)


def _duration(time_span: Seconds | None) -> str | None:
    # No exponents: the server does not read them.
    return None if time_span is None else f"PT{seconds(time_span):.3f}S"


def _id(claim: Claim | str) -> str:
    return claim.id if isinstance(claim, Claim) else str(uuid.UUID(claim))
