"""Claims ready-to-use workspaces from Larder.

    from larder_client import Larder

    larder = Larder()  # LARDER_URL and LARDER_TOKEN
    with larder.claimed("orders-database", "small", organization="demo") as lease:
        connect(lease.outputs["url"])
"""

from .client import Larder
from .errors import (
    LarderError,
    LeaseLost,
    NoStock,
    Refused,
    TimedOut,
    Unauthorized,
    Unavailable,
    Violation,
    WorkspaceFailed,
)
from .lease import Lease
from .models import Claim, Database, Waiting, Workspace

__all__ = [
    "Claim",
    "Database",
    "Larder",
    "LarderError",
    "Lease",
    "LeaseLost",
    "NoStock",
    "Refused",
    "TimedOut",
    "Unauthorized",
    "Unavailable",
    "Violation",
    "Waiting",
    "Workspace",
    "WorkspaceFailed",
]
