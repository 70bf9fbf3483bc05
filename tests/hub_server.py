"""A stand-in for the Hugging Face hub on 127.0.0.1: generated repositories with commits.

It answers what huggingface_hub and datasets ask for: a repository's description at a revision, its
tree, and its files with ETag, size, commit and ranges. What it was asked is kept in ``asked``.
"""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

Files = Mapping[str, bytes]

_ASKED = re.compile(
    r"^/api/(models|datasets)/([^/]+/[^/]+)/(revision|tree|paths-info)/([^/]+)/?(.*)$"
)
_FILE = re.compile(r"^/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)$")


class Hub:
    """Repositories by kind and id, each with commits and branches."""

    def __init__(self) -> None:
        self.commits: dict[tuple[str, str], dict[str, Files]] = {}
        self.branches: dict[tuple[str, str], dict[str, str]] = {}
        self.asked: list[str] = []
        self.breaks: Callable[[str], bool] = lambda path: False
        """Paths whose body ends in the middle."""

    def push(self, kind: str, name: str, files: Files, branch: str = "main") -> str:
        """Make some files a branch's newest commit.

        Args:
            kind: ``models`` or ``datasets``.
            name: owner and name.
            files: path -> content.
            branch: moves to the commit.
        """
        listed = [[path, hashlib.sha1(content).hexdigest()] for path, content in files.items()]
        commit = hashlib.sha1(json.dumps([name, branch, sorted(listed)]).encode()).hexdigest()
        self.commits.setdefault((kind, name), {})[commit] = files
        self.branches.setdefault((kind, name), {})[branch] = commit
        return commit

    def find(self, kind: str, name: str, revision: str) -> tuple[str, Files] | str:
        """A commit and its files, or the hub's word for what is missing."""
        if (kind, name) not in self.commits:
            return "RepoNotFound"
        commit = self.branches[kind, name].get(revision, revision)
        files = self.commits[kind, name].get(commit)
        return "RevisionNotFound" if files is None else (commit, files)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    hub: Hub

    def do_GET(self) -> None:
        self._answer(self.command == "GET")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(True)

    do_HEAD = do_GET

    def log_message(self, *_: Any) -> None:
        """Requests are kept, not printed."""

    def _answer(self, with_body: bool) -> None:
        path = urlsplit(self.path).path
        self.hub.asked.append(f"{self.command} {unquote(path)}")
        if found := _FILE.match(path):
            datasets, name, revision, file = found.groups()
            kind = "datasets" if datasets else "models"
            self._file(kind, name, unquote(revision), unquote(file), with_body)
        elif found := _ASKED.match(path):
            kind, name, what, revision, inside = found.groups()
            self._describe(kind, name, what, unquote(revision), unquote(inside))
        else:
            self._missing("RepoNotFound")

    def _describe(self, kind: str, name: str, what: str, revision: str, inside: str) -> None:
        found = self.hub.find(kind, name, revision)
        if isinstance(found, str):
            self._missing(found)
            return
        commit, files = found
        if what == "revision":
            siblings = [{"rfilename": path} for path in files]
            card = _card(files.get("README.md", b"").decode())
            values = {"id": name, "sha": commit, "siblings": siblings, "cardData": card}
            self._json({**values, "private": False, "tags": [], "downloads": 0, "likes": 0})
        else:
            self._json(list(_tree(files, inside)) if what == "tree" else [])

    def _file(self, kind: str, name: str, revision: str, file: str, with_body: bool) -> None:
        found = self.hub.find(kind, name, revision)
        if isinstance(found, str) or file not in found[1]:
            self._missing(found if isinstance(found, str) else "EntryNotFound")
            return
        content = found[1][file]
        start = (
            int(re.findall(r"bytes=(\d+)-", self.headers.get("Range", ""))[0])
            if self.headers.get("Range")
            else 0
        )
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", found[0])
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if with_body and self.hub.breaks(file):
            self.wfile.write(content[start : start + (len(content) - start) // 2])
            self.close_connection = True
        elif with_body:
            self.wfile.write(content[start:])

    def _json(self, values: Any) -> None:
        body = json.dumps(values).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _missing(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _card(readme: str) -> dict[str, Any]:
    """What the hub reads of a card: its licence."""
    found = re.search(r"^license: (.+)$", readme, flags=re.MULTILINE)
    return {"license": found[1]} if found else {}


def _tree(files: Files, inside: str) -> Iterator[dict[str, Any]]:
    """Files and folders below a folder, all the way down."""
    start = f"{inside}/" if inside else ""
    folders = {path[: end.start()] for path in files for end in re.finditer("/", path)}
    for folder in sorted(folders):
        if folder.startswith(start):
            yield {"type": "directory", "path": folder, "size": 0, "oid": "0" * 40}
    for path, content in files.items():
        if path.startswith(start):
            oid = hashlib.sha1(content).hexdigest()
            yield {"type": "file", "path": path, "size": len(content), "oid": oid}


@contextmanager
def serving(hub: Hub) -> Iterator[str]:
    """Serve a hub on a free port of this machine; yields its address."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
