"""What the server shows. Outputs may hold passwords, so they are left out of every ``repr``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Waiting:
    """Where a claim stands in the waiting line.

    ``position`` counts from 1; it is 0 while the workspace that was found is verified. ``eta_seconds`` is None where
    nothing is going to be built as things stand.
    """

    position: int
    eta_seconds: int | None


@dataclass(frozen=True)
class Workspace:
    """The workspace of a claim. Its ``status`` is ``ready`` when it can be used."""

    id: str
    name: str
    organization: str
    template: str
    preset: str | None
    status: str
    outputs: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Claim:
    """A claim as the server showed it last.

    ``status`` is ``active``, ``waiting``, or why the claim has ended. ``path`` is ``warm`` (from stock), ``waited`` or
    ``cold`` (built for this claim). ``code`` and ``reason`` say why it failed.
    """

    id: str
    status: str
    path: str
    labels: Mapping[str, str]
    expires_at: datetime | None
    code: str | None
    reason: str | None
    waiting: Waiting | None
    workspace: Workspace | None
    step_code: str | None

    @property
    def outputs(self) -> Mapping[str, str]:
        """What is needed to use the workspace; empty until it is ready."""
        return self.workspace.outputs if self.workspace else {}

    @property
    def is_ready(self) -> bool:
        return self.status == "active" and self.workspace is not None and self.workspace.status == "ready"

    @staticmethod
    def of(body: Mapping[str, Any]) -> Claim:
        waiting, workspace, step, expires = (
            body.get(name) for name in ("waiting", "workspace", "step", "expiresAt")
        )
        return Claim(
            id=body["id"],
            status=body["status"],
            path=body["path"],
            labels=body.get("labels", {}),
            # Python 3.10 reads neither Z nor nanoseconds.
            expires_at=datetime.fromisoformat(expires[:19] + "+00:00") if expires else None,
            code=body.get("code"),
            reason=body.get("reason"),
            waiting=Waiting(waiting["position"], waiting.get("etaSeconds")) if waiting else None,
            workspace=_workspace(workspace) if workspace else None,
            step_code=step.get("errorCode") if step else None,
        )


def _workspace(body: Mapping[str, Any]) -> Workspace:
    return Workspace(
        id=body["id"],
        name=body["name"],
        organization=body["organization"],
        template=body["template"],
        preset=body.get("preset"),
        status=body["status"],
        outputs=body.get("outputs", {}),
    )


@dataclass(frozen=True)
class Database:
    """A claimed database of the backend ``postgres``. Its password is in no ``repr``."""

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)
    url: str = field(repr=False)

    @staticmethod
    def of(outputs: Mapping[str, str]) -> Database:
        """Reads the outputs of a claim. Raises ``KeyError`` where the workspace is no database."""
        return Database(
            host=outputs["host"],
            port=int(outputs["port"]),
            name=outputs["database"],
            user=outputs["user"],
            password=outputs["password"],
            url=outputs["url"],
        )
