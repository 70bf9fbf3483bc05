"""Fixtures that several test files share."""

import os
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from search.cluster import QUIET


@pytest.fixture(scope="session")
def shared_ray() -> Iterator[None]:
    """One Ray of our own for all tests that drive a search: the driver uses what is initialised.

    "local", because no address at all would join whatever cluster runs on this machine.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import ray  # reads the environment that was just set

    with chdir(Path(__file__).parents[1]):  # workers keep this folder, whichever test asks first
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="error",
        )
    yield
    ray.shutdown()


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of hashes that begins empty and leaves the user's alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
