"""What all tables of a plan share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0, lt=10, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Table(BaseModel):
    """A table that knows all of its fields and holds finite numbers alone."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
