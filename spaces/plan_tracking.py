"""``[tracking]`` of a plan: where else a search is shown. Nothing of a study's identity."""

import os
import re
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Annotated

from pydantic import Field

from spaces.mistakes import Mistake
from spaces.plan_table import Table

Text = Annotated[str, Field(min_length=1, max_length=500)]

SECRET_PREFIX = "env:"
"""``env:NAME`` stands for what the environment variable NAME holds: only the name is kept."""

PACKAGES = {
    "mlflow": ("mlflow", "tracking"),
    "wandb": ("wandb", "tracking"),
    "tensorboard": ("tensorboardX", "train"),
}
"""Tracker -> the package that writes for it, and the extra that brings it."""

STORES = r"https?://|sqlite:////|postgresql(\+\w+)?://|databricks($|://)"
"""What an MLflow address begins with. Its file store takes no runs any more."""


class MlflowTable(Table):
    """``[tracking] mlflow``: a run for each trial on an MLflow server or in a database."""

    uri: Text
    """``http://HOST:PORT``, ``sqlite:////FILE``, or ``env:NAME`` of such an address."""
    experiment: str = ""
    """Name of MLflow's experiment; the study's where it is left out."""
    token: str = ""
    """``env:NAME``, where the server asks for a token."""


class WandbTable(Table):
    """``[tracking] wandb``: a run for each trial at Weights & Biases."""

    project: Text
    entity: str = ""
    """A user or a team; the owner of the key where it is left out."""
    group: str = ""
    """The study's name where it is left out."""
    api_key: str = ""
    """``env:NAME``; where it is left out, W&B looks in ``WANDB_API_KEY`` and for its login."""


class TrackingTable(Table):
    """``[tracking]``: trackers that are told of each trial beside the study's own records."""

    mlflow: MlflowTable | None = None
    wandb: WandbTable | None = None
    tensorboard: bool = False
    """Event files under the study's folder, a folder for each trial."""

    @property
    def names(self) -> tuple[str, ...]:
        """Trackers that are asked for."""
        asked = {"tensorboard": self.tensorboard, "mlflow": self.mlflow, "wandb": self.wandb}
        return tuple(name for name, value in asked.items() if value)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What the environment holds of this and no text may show."""
        given = [self.mlflow.uri, self.mlflow.token] if self.mlflow else []
        given += [self.wandb.api_key] if self.wandb else []
        found = [from_environment(v) for v in given if v.startswith(SECRET_PREFIX)]
        passwords = [m[1] for value in found if (m := re.search(r"://[^/:]*:([^/]+)@", value))]
        return tuple(text for text in (*found, *passwords) if text)


def from_environment(value: str) -> str:
    """A value, or what the variable holds that an ``env:NAME`` names; empty where it is not set."""
    if not value.startswith(SECRET_PREFIX):
        return value
    return os.environ.get(value.removeprefix(SECRET_PREFIX), "")


def tracking_mistakes(table: TrackingTable) -> Iterator[Mistake]:
    """What would keep a tracker from ever being told: no package, no address, no key."""
    for name in table.names:
        package, extra = PACKAGES[name]
        if find_spec(package) is None:
            rule = f"the package {package}: pip install '.[{extra}]' in the checkout"
            yield Mistake(f"[tracking] {name}", f"{package} is not installed", rule)
    if table.mlflow:
        yield from _address_mistakes(table.mlflow.uri)
        yield from _secret_mistakes("[tracking.mlflow] token", table.mlflow.token)
    if table.wandb:
        yield from _secret_mistakes("[tracking.wandb] api_key", table.wandb.api_key)


def _address_mistakes(uri: str) -> Iterator[Mistake]:
    where, address = "[tracking.mlflow] uri", from_environment(uri)
    if uri.startswith(SECRET_PREFIX) and not address:
        yield _unset(where, uri)
    elif not re.match(STORES, address):
        rule = "'http://HOST:PORT', 'sqlite:////absolute/path.db' or 'env:NAME' of such an address"
        yield Mistake(where, repr(_scheme(uri)), rule)
    elif uri == address and ("@" in uri or "password=" in uri):
        rule = "'env:NAME': a password in a plan would be copied into the study"
        yield Mistake(where, repr(_scheme(uri)), rule)


def _scheme(uri: str) -> str:
    """An address as far as it can hold no password."""
    scheme, separator, _ = uri.partition("://")
    return f"{scheme}://..." if separator and "@" in uri else uri


def _secret_mistakes(where: str, value: str) -> Iterator[Mistake]:
    if value and not value.startswith(SECRET_PREFIX):
        rule = "'env:NAME' of a variable that holds it: a key in a plan would be copied"
        yield Mistake(where, "a value that is not shown", rule)
    elif value and not from_environment(value):
        yield _unset(where, value)


def _unset(where: str, value: str) -> Mistake:
    variable = value.removeprefix(SECRET_PREFIX)
    return Mistake(where, repr(value), f"the environment variable {variable} to be set: export it")
