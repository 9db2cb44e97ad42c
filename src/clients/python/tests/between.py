"""A server between the client and Larder that loses answers and refuses requests, as networks and load balancers do."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit


class Between:
    """Loses the first ``lose`` answers after the server has acted, or answers 503 ``busy`` times without asking it."""

    def __init__(self, server: str, *, lose: int = 0, busy: int = 0, method: str = "POST") -> None:
        self.lose, self.busy, self.method = lose, busy, method
        self.cut = threading.Event()
        self.seen: list[str] = []
        address = urlsplit(server)
        between = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                between.seen.append(f"{self.command} {self.path}")
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                applies = self.command == between.method
                if between.cut.is_set():
                    self.close_connection = True
                    return
                if applies and between.busy > 0:
                    between.busy -= 1
                    self.answer(503, [("Retry-After", "0")], b'{"code":"database_busy","detail":"busy"}')
                    return
                onward = http.client.HTTPConnection(str(address.hostname), address.port)
                onward.request(self.command, self.path, body or None, dict(self.headers))
                response = onward.getresponse()
                text = response.read()
                if applies and between.lose > 0:
                    between.lose -= 1
                    self.close_connection = True
                    return
                self.answer(response.status, response.getheaders(), text)

            do_GET = do_POST = do_DELETE = do_PUT = handle_any

            def answer(self, status: int, headers: list[tuple[str, str]], text: bytes) -> None:
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *ignored: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Between:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
