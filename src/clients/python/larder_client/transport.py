"""HTTP with retries. Every call that goes through here may be sent twice without harm."""

from __future__ import annotations

import http.client
import json
import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .errors import LarderError, Unavailable, of_problem

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
PASSING = frozenset({502, 503, 504})


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]


class Transport:
    """One server and one token. A thread keeps one connection open."""

    def __init__(self, server: str, token: str, retry_seconds: float) -> None:
        address = urlsplit(server)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError("the server is no address such as https://larder.example.org")
        if not token:
            raise ValueError("there is no token: set LARDER_TOKEN")
        self._address = address
        self._authorization = f"Bearer {token}"
        self._retry_seconds = retry_seconds
        self._tls = ssl.create_default_context() if address.scheme == "https" else None
        self._kept = threading.local()

    @property
    def server(self) -> str:
        return f"{self._address.scheme}://{self._address.netloc.rpartition('@')[2]}{self._address.path}"

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        hold_seconds: float = 0.0,
        retry_seconds: float | None = None,
        pause: Callable[[float], object] = time.sleep,
    ) -> Answer:
        """Sends the request, and sends it again while the connection is lost or the server asks for patience.

        ``hold_seconds`` is how long the server may hold the call. Raises the error that the answer stands for.
        """
        retry = self._retry_seconds if retry_seconds is None else retry_seconds
        give_up: float | None = None
        longest = FIRST_PAUSE_SECONDS
        while True:
            failure: LarderError
            try:
                answer = self._once(method, path, body, headers or {}, hold_seconds + ANSWER_SECONDS)
            except (OSError, http.client.HTTPException) as lost:
                failure = Unavailable("unreachable", f"{self.server} cannot be reached: {type(lost).__name__}: {lost}")
            else:
                if answer.status < 300:
                    return answer
                failure = of_problem(answer.status, answer.body, _seconds(answer.headers.get("retry-after")))
                # The outputs of that workspace are lost, and its claim has ended: the same key finds no other one.
                if answer.status not in PASSING or failure.code == "workspace_unreadable":
                    raise failure
            now = time.monotonic()
            give_up = now + retry if give_up is None else give_up
            wanted = max(random.uniform(longest / 2, longest), failure.retry_after or 0.0)
            seconds = min(wanted, LONGEST_PAUSE_SECONDS)
            if now + seconds > give_up:
                raise failure
            pause(seconds)
            longest = min(longest * 2, LONGEST_PAUSE_SECONDS)

    def _once(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str], seconds: float
    ) -> Answer:
        sent = {"Authorization": self._authorization, "Accept": "application/json", **headers}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        connection = self._connection()
        try:
            if connection.sock is None:
                connection.timeout = CONNECT_SECONDS
                connection.connect()
            connection.sock.settimeout(seconds)
            connection.request(method, self._address.path.rstrip("/") + path, data, sent)
            response = connection.getresponse()
            text = response.read()
        except BaseException:
            # Also when a person or a time limit interrupts: the next call must not read this one's answer.
            connection.close()
            raise
        names = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, names, _object(text))

    def _connection(self) -> http.client.HTTPConnection:
        kept: http.client.HTTPConnection | None = getattr(self._kept, "connection", None)
        if kept is None:
            host, port = str(self._address.hostname), self._address.port
            kept = (
                http.client.HTTPSConnection(host, port, context=self._tls)
                if self._tls
                else http.client.HTTPConnection(host, port)
            )
            self._kept.connection = kept
        return kept


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        read = json.loads(text) if text else {}
    except ValueError:
        # A proxy may answer with a page.
        return {}
    return read if isinstance(read, dict) else {}


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.isdecimal() else None
