"""An S3 server of our own on loopback, for tests of phases in an object store."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest

BUCKET = "bucket"

SECRET = "hunter2-of-the-bucket"
"""A key that no file and no message may show."""


def environment(endpoint: str) -> dict[str, str]:
    """What a user exports."""
    return {
        "AWS_ENDPOINT": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "me",
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }


@contextmanager
def object_server() -> Iterator[str]:
    """The endpoint of a server with one empty bucket; gone with the block."""
    server = pytest.importorskip("moto.server", reason="moto[server] is not installed")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    try:
        urlopen(Request(f"{endpoint}/{BUCKET}", method="PUT"), timeout=30).close()
        yield endpoint
    finally:
        running.stop()


@contextmanager
def exported(endpoint: str) -> Iterator[None]:
    """This process and its children find the server."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("AWS_"):
                patch.delenv(name)
        for name, value in environment(endpoint).items():
            patch.setenv(name, value)
        yield
