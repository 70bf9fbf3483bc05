"""Tables of the plans that ask whether pictures change what intermediate languages do.

``python -m benchmarks.multimodal_question STUDY --root ROOT`` prints markdown: for each target the
mean of every cell over languages and sets of seeds; what non-European rows gain over English ones,
by initialisation; what pretraining taught. No interval and no test: sets are few, and the languages
of one set are not independent.
"""

import argparse

import pandas as pd

from analysis import contrast_cells, load_pretraining
from benchmarks.markdown import markdown


def by_set(study: str, root: str) -> pd.DataFrame:
    """One row per cell and set of seeds: mean score over the averaged languages."""
    cells = contrast_cells(study, root=root)
    averaged = cells[cells["averaged"]]
    named = ["target", "initialisation", "intermediate", "replicate"]
    return averaged.groupby(named, sort=False)["score"].mean().reset_index()


def cell_table(scores: pd.DataFrame, target: str) -> pd.DataFrame:
    """Initialisation by intermediate: mean over sets."""
    mine = scores[scores["target"] == target]
    order = list(dict.fromkeys(mine["intermediate"]))
    table = mine.pivot_table(index="initialisation", columns="intermediate", values="score")
    return table.reindex(columns=order, index=list(dict.fromkeys(mine["initialisation"])))


def advantage(scores: pd.DataFrame) -> pd.DataFrame:
    """Last intermediate (non-European) minus first (English), set by set: mean, sd and sets."""
    levels = [name for name in dict.fromkeys(scores["intermediate"]) if name != "none"]
    wide = scores.pivot_table(
        index=["target", "initialisation", "replicate"], columns="intermediate", values="score"
    )
    gap = (wide[levels[-1]] - wide[levels[0]]).dropna()
    grouped = gap.groupby(["target", "initialisation"], sort=False)
    return pd.DataFrame({"mean": grouped.mean(), "sd": grouped.std(), "sets": grouped.size()})


def pretraining(study: str, root: str) -> pd.DataFrame:
    """Per cent found in each language, pictures by captions, and losses of masked words."""
    frame = load_pretraining(study, root=root)
    frame["what"] = frame["measure"].where(
        frame["measure"] != "masked_loss", "masked_loss " + frame["task"]
    )
    names = list(dict.fromkeys(frame["initialisation"]))
    table = frame.pivot_table(index=["what", "language"], columns="initialisation", values="value")
    return table.reindex(columns=names).astype(float)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study")
    parser.add_argument("--root", default="runs")
    asked = parser.parse_args()
    found = by_set(asked.study, asked.root)
    for name in dict.fromkeys(found["target"]):
        print(f"### {name}\n\n{markdown(cell_table(found, name))}\n")
    print(f"### Non-European minus English rows\n\n{markdown(advantage(found))}\n")
    taught = pretraining(asked.study, asked.root)
    if len(taught):
        print(f"### Held out of pretraining\n\n{markdown(taught)}")
