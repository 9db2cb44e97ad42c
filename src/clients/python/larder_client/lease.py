"""A claim around a block: renewed while the block runs, released when it ends."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .errors import LarderError, LeaseLost
from .models import Claim, Database

if TYPE_CHECKING:
    from .client import Larder

LOG = logging.getLogger("larder_client")
LONGEST_PAUSE_SECONDS = 1.0


class Lease:
    """Made by :meth:`Larder.claimed`; use it once, as a context manager."""

    def __init__(
        self,
        larder: Larder,
        ttl: float,
        ready_within: float,
        on_lost: Callable[[LeaseLost], object] | None,
        wanted: Mapping[str, Any],
    ) -> None:
        self._larder = larder
        self._ttl = ttl
        self._ready_within = ready_within
        self._on_lost = on_lost
        self._wanted = wanted
        self._claim: Claim | None = None
        self._over = threading.Event()
        self._why: LeaseLost | None = None
        self._renewer = threading.Thread(target=self._renew, name="larder-lease", daemon=True)
        self.lost = threading.Event()
        """Set as soon as the lease is lost: another user may have the workspace by then."""

    @property
    def claim(self) -> Claim:
        if self._claim is None:
            raise RuntimeError("the block has not begun")
        return self._claim

    @property
    def outputs(self) -> Mapping[str, str]:
        """What is needed to use the workspace."""
        return self.claim.outputs

    @property
    def database(self) -> Database:
        """The outputs of a workspace of the backend ``postgres``."""
        return Database.of(self.outputs)

    def check(self) -> None:
        """Raises :class:`LeaseLost` where the lease is lost."""
        if self._why is not None:
            raise self._why

    def __enter__(self) -> Lease:
        self._claim = self._larder.claim(ttl=self._ttl, **self._wanted)
        try:
            # A cold build may take longer than the lease.
            self._renewer.start()
            self._claim = self._larder.wait_until_ready(self._claim, self._ready_within)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        if error is None:
            self.check()

    def _end(self) -> None:
        self._over.set()
        try:
            self._larder.release(self.claim)
        except LarderError as failed:
            # The end of the lease does the same later. The result of the block is worth more than this error.
            LOG.warning("claim %s was not released and ends with its lease: %s", self.claim.id, failed.code)

    def _renew(self) -> None:
        held_until = time.monotonic() + self._ttl
        pause = self._ttl / 3
        while not self._over.wait(pause):
            asked = time.monotonic()
            try:
                self._larder._renew(self.claim, self._ttl, retry=0.0)
                held_until, pause = asked + self._ttl, self._ttl / 3
            except LarderError as failed:
                if isinstance(failed, LeaseLost):
                    if not self._still_waits():
                        return self._lose(failed)
                    held_until, pause = asked + self._ttl, self._ttl / 3
                elif time.monotonic() >= held_until:
                    return self._lose(LeaseLost("expired", f"The lease could not be renewed in time: {failed}"))
                else:
                    pause = min(LONGEST_PAUSE_SECONDS, self._ttl / 10)

    def _still_waits(self) -> bool:
        """The lease of a claim that waits has not begun."""
        try:
            return self._larder.get(self.claim).status == "waiting"
        except LarderError:
            return False

    def _lose(self, why: LeaseLost) -> None:
        if self._over.is_set():
            return
        self._why = why
        self.lost.set()
        if self._on_lost is not None:
            self._on_lost(why)
