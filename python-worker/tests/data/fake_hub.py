"""A hub on loopback with the endpoints that a download asks: repository, tree, head of a file, file with ranges."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Repository:
    """A repository with one commit, and how it answers."""

    files: dict[str, bytes]
    commit: str
    token: str = ""
    gated: bool = False
    status: int = 200
    sizes: dict[str, int] = field(default_factory=dict[str, int])
    # Files whose first answer breaks off after so many bytes.
    cuts: dict[str, int] = field(default_factory=dict[str, int])
    # Files that are not sent before the event.
    holds: dict[str, threading.Event] = field(default_factory=dict[str, threading.Event])


class FakeHub:
    """Serves repositories, by "models/organisation/name" or "datasets/organisation/name", until it is closed."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.requests: list[str] = []
        hub = self

        class Handler(_Handler):
            def __init__(self, *arguments: Any) -> None:
                self.hub = hub
                super().__init__(*arguments)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def downloads(self) -> list[str]:
        """The files that were asked for, in order, with the range where there was one."""
        return [request.removeprefix("GET ") for request in self.requests if request.startswith("GET ")]

    def close(self) -> None:
        """Stops; whoever asks from now on is not answered."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: FakeHub

    def log_message(self, format: str, *_: Any) -> None:
        """Nothing on the terminal of the tests."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        api = re.fullmatch(r"/api/(models|datasets)/([^/]+/[^/]+)/(revision|tree)/(.+)", path)
        file = re.fullmatch(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        if api:
            kind, name, what, revision = api.groups()
        elif file:
            kind, name, what, revision = file[1] or "models", file[2], "file", file[3]
        else:
            return self._send(404, b"no such endpoint")
        repository = self.hub.repositories.get(f"{kind.rstrip('/')}/{name}")
        if not self._refused(repository, revision) and repository is not None:
            if what == "revision":
                siblings = [
                    {"rfilename": name, "size": repository.sizes.get(name, len(content)), "blobId": _digest(content)}
                    for name, content in repository.files.items()
                ]
                self._send(200, json.dumps({"id": name, "sha": repository.commit, "siblings": siblings}).encode())
            elif what == "tree":
                entries = [
                    {"type": "file", "path": name, "size": len(content), "oid": _digest(content)}
                    for name, content in repository.files.items()
                ]
                self._send(200, json.dumps(entries).encode())
            elif file:
                self._file(repository, file[4])
        return None

    def _refused(self, repository: Repository | None, revision: str) -> bool:
        if repository is None:
            self._send(401, b"", {"X-Error-Code": "RepoNotFound"})
        elif repository.status != 200:
            self._send(repository.status, b"")
        elif repository.token and self.headers.get("Authorization") != f"Bearer {repository.token}":
            self._send(401, b"", {"X-Error-Code": "GatedRepo" if repository.gated else "RepoNotFound"})
        elif revision not in ("main", repository.commit):
            self._send(404, b"", {"X-Error-Code": "RevisionNotFound"})
        else:
            return False
        return True

    def _file(self, repository: Repository, name: str) -> None:
        content = repository.files[name]
        headers = {"ETag": f'"{_digest(content)}"', "X-Repo-Commit": repository.commit}
        begin = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(begin[1]) if begin else 0
        if self.command == "GET":
            self.hub.requests.append(f"GET {name}" + (f" from {start}" if start else ""))
            if name in repository.holds:
                repository.holds[name].wait(30)
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        cut = repository.cuts.pop(name, None) if self.command == "GET" else None
        self._send(206 if start else 200, content[start:], headers, cut)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None, cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut])
        if cut is not None:
            self.close_connection = True


def _digest(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
