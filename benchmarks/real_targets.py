"""A table of `examples/real-targets.toml` once it was confirmed: untrained against trained.

Prints markdown: one line per target and language, test scores in points.
"""

import argparse

import pandas as pd

from analysis import load_scores, load_trials
from benchmarks.markdown import markdown

STUDY = "real-targets"


def table(root: str) -> pd.DataFrame:
    """Test scores by target and language: rows, chance, untrained, trained, its standard error."""
    confirmation = f"{STUDY}.confirm"
    trials = load_trials(confirmation, root=root)
    scores = load_scores(confirmation, root=root).query("split == 'test' and items == 'all'")
    both = scores.merge(trials[["target", "trial_number", "target_steps"]])
    both["trained"] = both["target_steps"] > 0
    wide = both.pivot_table(
        index=["target", "language"],
        columns="trained",
        values=["value", "standard_error", "rows", "chance"],
    )
    return pd.DataFrame(
        {
            "rows": wide["rows", True].astype(int),
            "chance": wide["chance", True],
            "untrained": wide["value", False],
            "trained": wide["value", True],
            "s.e.": wide["standard_error"].get(True),
        }
    )


def means(found: pd.DataFrame) -> pd.DataFrame:
    """Means over languages, English apart."""
    others = found[found.index.get_level_values("language") != "en"]
    grouped = others.groupby("target", sort=False)[["untrained", "trained"]].mean()
    grouped.insert(0, "languages", others.groupby("target").size())
    return grouped


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default="runs")
    found = table(parser.parse_args().root)
    print(f"{markdown(means(found))}\n\n{markdown(found)}")
