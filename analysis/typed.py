"""Frames with declared columns: the same names and dtypes whatever the rows hold."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spaces.records import Column

if TYPE_CHECKING:
    from pandas import DataFrame

    from analysis.snapshot import Snapshot

# Late in every function: pandas costs most of a second of CPU, which `import analysis` must not.


def typed_frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> "DataFrame":
    """A frame with exactly these columns and dtypes, whatever the rows hold.

    Raises:
        KeyError: a row lacks a column; None is how a row says that it has no value.
    """
    return typed_columns({c.name: [row[c.name] for row in rows] for c in columns}, columns)


def typed_columns(values: Mapping[str, Sequence[Any]], columns: Sequence[Column]) -> "DataFrame":
    """A frame of values that stand column by column; ``attrs`` say what each column is.

    Args:
        values: column -> its values, all of one length; None where there is none.
        columns: those that the frame has.

    Raises:
        KeyError: a column has no values.
    """
    import pandas as pd

    arrays = {}
    for column in columns:
        dtype: Any = column.dtype  # a string; pandas' stubs ask for one literal at a time
        arrays[column.name] = pd.array(values[column.name], dtype=dtype)
    return described(pd.DataFrame(arrays), columns)


def joined(frames: Iterable["DataFrame"], columns: Sequence[Column]) -> "DataFrame":
    """Frames of the same columns, one after the other; an empty one where there are none."""
    import pandas as pd

    parts = [typed_frame([], columns), *frames]
    return described(pd.concat(parts, ignore_index=True), columns)


def studies_frame(
    rows: Callable[["Snapshot"], list[dict[str, Any]]],
    snapshots: Iterable["Snapshot"],
    columns: Sequence[Column],
) -> "DataFrame":
    """The rows of several studies, one after the other."""
    return joined((typed_frame(rows(snapshot), columns) for snapshot in snapshots), columns)


def described(frame: "DataFrame", columns: Sequence[Column]) -> "DataFrame":
    """The same frame with units and meanings in its ``attrs``, which parquet files keep."""
    frame.attrs = {
        "units": {column.name: column.unit for column in columns if column.unit},
        "meanings": {column.name: column.meaning for column in columns},
    }
    return frame
