"""Who wrote something, and whether that process still lives, even where ids are used again."""

import json
import os
import socket
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil


@cache
def _boot_id() -> str:
    """An id that changes when the machine starts again."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else str(int(psutil.boot_time()))


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, told apart from every other that ever had its id."""

    host: str
    boot_id: str
    pid: int
    started: float

    @classmethod
    def me(cls) -> "Owner":
        """This process."""
        pid = os.getpid()
        return cls(socket.gethostname(), _boot_id(), pid, psutil.Process(pid).create_time())

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Owner":
        """The owner that ``to_json`` wrote."""
        return cls(values["host"], values["boot_id"], values["pid"], values["started"])

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @property
    def is_here(self) -> bool:
        """Whether it is one of this machine."""
        return self.host == socket.gethostname()

    @property
    def is_gone(self) -> bool:
        """True when it certainly runs no more; False also where that cannot be known from here."""
        if not self.is_here:
            return False
        if self.boot_id != _boot_id():
            return True
        try:
            process = psutil.Process(self.pid)
            return process.create_time() != self.started or process.status() == "zombie"
        except psutil.NoSuchProcess:
            return True

    def __str__(self) -> str:
        """``process 12 on host``."""
        return f"process {self.pid} on {self.host}"


def parse_json(text: str | bytes) -> dict[str, Any] | None:
    """A JSON object, or None where the text is torn."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
