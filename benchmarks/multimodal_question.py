"""Tables of the plans that ask whether pictures change what intermediate languages do.

``python -m benchmarks.multimodal_question STUDY --root ROOT`` prints markdown: for each target the
mean of every cell over languages and sets of seeds; what initialisations and the language of
intermediate rows do, and whether one depends on the other, with intervals over sets of seeds; what
pretraining taught.
"""

import argparse

import pandas as pd

from analysis import contrast, contrast_cells, interaction, load_pretraining, paper_table
from analysis.inference import holm
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


def answers(study: str, root: str) -> dict[str, pd.DataFrame]:
    """Title -> what the contrast's factors do, with intervals: paired, set by set.

    About the weights that were pretrained, where all sets share them.
    """
    given = {"root": root, "pretrainings": "fixed"}
    paired = given | {"methods": ("paired",)}
    by_start = [
        contrast(study, factor="group", averaged_over=[name], **paired)
        for name in dict.fromkeys(by_set(study, root)["initialisation"])
    ]
    unseen = interaction(study, languages="unseen", **paired)
    return {
        "What an initialisation does": contrast(study, factor="initialisation", **paired),
        "What the language of intermediate rows does, by initialisation": one_family(by_start),
        "Whether one depends on the other": interaction(study, **paired),
        "The same in languages that no compared phase had rows in": unseen,
        "The same by a mixed model": interaction(study, methods=("mixed",), **given),
    }


def one_family(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Rows of several questions as one table, p-values adjusted over all of them, overall apart."""
    found = pd.concat(frames, ignore_index=True)
    for rows in (found["target"] == "overall", found["target"] != "overall"):
        values = found.loc[rows, "p"].to_numpy(dtype=float, na_value=float("nan"))
        found.loc[rows, "p_holm"] = holm(values)
    return found


def answer_table(frame: pd.DataFrame, root: str) -> str:
    """Differences in points with their intervals, as markdown; a line where there is nothing."""
    if frame.empty:
        return "No such languages, or too few sets."
    start = ["averaged_over"] * (frame["averaged_over"].nunique() > 1)
    columns = ["target", *start, "contrasted", "baseline", "estimate", "p_holm"]
    columns += ["n_sets", "sets_needed", "verdict"]
    return paper_table(frame, "markdown", columns=columns, caption="", root=root)


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
    for title, frame in answers(asked.study, asked.root).items():
        print(f"### {title}\n\n{answer_table(frame, asked.root).strip()}\n")
    taught = pretraining(asked.study, asked.root)
    if len(taught):
        print(f"### Held out of pretraining\n\n{markdown(taught)}")
