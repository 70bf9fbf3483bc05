"""Frames as markdown tables."""

import pandas as pd


def markdown(frame: pd.DataFrame) -> str:
    """A frame as a markdown table, one decimal."""
    flat = frame.reset_index()
    lines = ["| " + " | ".join(flat.columns) + " |", "|" + "---|" * len(flat.columns)]
    for row in flat.itertuples(index=False):
        lines.append("| " + " | ".join(_cell(value) for value in row) + " |")
    return "\n".join(lines)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "-" if pd.isna(value) else f"{value:.1f}"
    return str(value)
