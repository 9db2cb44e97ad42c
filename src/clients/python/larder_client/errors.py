"""What can go wrong. ``code`` is the server's stable word for it: decide by the class or by the code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Violation:
    """What is wrong with one field of a request."""

    code: str
    field: str
    detail: str


class LarderError(Exception):
    """The base of all errors of this package.

    ``code`` is stable, ``detail`` is a sentence for people, ``status`` is the HTTP status or None, and
    ``retry_after`` says after how many seconds the server expects that a retry may succeed, or None.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        status: int | None = None,
        violations: tuple[Violation, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.status = status
        self.violations = violations
        self.retry_after = retry_after


class NoStock(LarderError):
    """No workspace is ready, or none was ready in time."""


class Refused(LarderError):
    """The server does not accept the request. The same request will be refused again."""


class Unauthorized(LarderError):
    """The token is missing, unknown, expired or revoked."""


class TimedOut(LarderError):
    """The time that the caller gave was over before the workspace was ready. The claim goes on."""


class WorkspaceFailed(LarderError):
    """The workspace of the claim could not be built or prepared. ``code`` is that of the build."""


class LeaseLost(LarderError):
    """The claim has ended: its lease is over, it was released, or its workspace was deleted."""


class Unavailable(LarderError):
    """The server could not be reached or could not answer, also after retries."""


NO_STOCK = frozenset({"no_claimable_workspace", "creation_stopped", "connections_full", "verification_failed"})
ENDED = frozenset({"claim_ended", "claim_not_found", "expired", "workspace_deleted", "generation_mismatch"})


def of_problem(status: int, body: Mapping[str, Any], retry_after: float | None) -> LarderError:
    """The error that an answer of the server stands for (RFC 9457)."""
    code = str(body.get("code", f"http_{status}"))
    violations = tuple(
        Violation(str(one.get("code")), str(one.get("field")), str(one.get("detail"))) for one in body.get("errors", [])
    )
    kind: type[LarderError]
    if status == 401:
        kind = Unauthorized
    elif code in NO_STOCK:
        kind = NoStock
    elif code in ENDED:
        kind = LeaseLost
    elif status >= 500 or status == 429:
        kind = Unavailable
    else:
        kind = Refused
    return kind(
        code,
        str(body.get("detail", "The server gave no reason.")),
        status=status,
        violations=violations,
        retry_after=retry_after,
    )
