"""A PostgreSQL server of a test's own, from the system's package: loopback alone, a password."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = "hunter2-of-the-database"
"""No file may hold it but the server's own."""

USER = "studies"


def binaries() -> Path:
    """Where the newest server's programs are; skips the test where there are none."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: float(path.parts[-3])
    )
    if not found:
        pytest.skip("no PostgreSQL server: install Debian's package `postgresql`")
    return found[-1].parent


def unprivileged() -> list[str]:
    """What runs a command as somebody else where we are root, as whom no server starts."""
    if os.geteuid() != 0:
        return []
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("root, and no user `postgres` to run its server as")
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def free_port() -> int:
    """A port of loopback where nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass(frozen=True)
class Database:
    """A server that runs, and its empty database ``studies``."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Address of the database, its password included."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/studies"

    @property
    def _client(self) -> tuple[str, ...]:
        return ("-h", "127.0.0.1", "-p", str(self.port), "-U", USER)

    @property
    def _data(self) -> tuple[str, ...]:
        return ("-D", str(self.folder / "data"))

    def call(self, program: str, *arguments: str) -> str:
        """Run one of the server's programs; returns what it said.

        The words go through a file: a server inherits its starter's pipes, and a reader of them
        would wait until it ends.
        """
        with tempfile.TemporaryFile("w+") as said:
            subprocess.run(
                [*unprivileged(), str(binaries() / program), *arguments],
                cwd="/",
                env={**os.environ, "PGPASSWORD": PASSWORD, "LC_ALL": "C.UTF-8"},
                stdout=said,
                stderr=subprocess.STDOUT,
                check=True,
                timeout=120,
            )
            said.seek(0)
            return said.read()

    def create(self) -> None:
        """Lay the server's folder out, start it, and make the database."""
        if unprivileged():
            shutil.chown(self.folder, "postgres", "postgres")
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self.call(
            "initdb", *self._data, "-U", USER, "--auth=scram-sha-256", f"--pwfile={secret}", "-N"
        )
        self.start()
        self.call("createdb", *self._client, "studies")

    def start(self) -> None:
        """Start the server; returns once it answers."""
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder}"
        log = str(self.folder / "log")
        self.call("pg_ctl", *self._data, "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        """End the server and every connection at once."""
        self.call("pg_ctl", *self._data, "-w", "-m", "immediate", "stop")

    @contextmanager
    def away(self) -> Iterator[None]:
        """The server is down until the block ends."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def cut_connections(self) -> int:
        """End every connection but our own; returns how many there were."""
        sql = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = 'studies' AND pid <> pg_backend_pid()"
        )
        return int(self.call("psql", *self._client, "-d", "studies", "-Atc", sql))


@contextmanager
def postgres() -> Iterator[Database]:
    """A server with an empty database, which ends with the block; its test is skipped without."""
    binaries()
    # Not pytest's folder: the server's user may not enter it.
    database = Database(Path(tempfile.mkdtemp(prefix="pg-")), free_port())
    try:
        database.create()
        yield database
    finally:
        with suppress(subprocess.CalledProcessError):
            database.stop()
        shutil.rmtree(database.folder, ignore_errors=True)
