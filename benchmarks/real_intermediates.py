"""Tables of `examples/real-intermediates.toml`: what each chain adds, by leakage class.

Prints markdown. Every score of a chain stands against the trial without an intermediate phase: same
initialisation, source rows, target hyperparameters and seed. In points.
"""

import argparse

import pandas as pd

from analysis import load_scores, load_trials
from benchmarks.markdown import markdown

STUDY = "real-intermediates"

CELL = ["target", "intermediate", "language"]

PRIMARY = ["L0", "L1"]


def cells(root: str) -> pd.DataFrame:
    """One row per target, chain and language: score, gain over none, leakage class, rows."""
    trials = load_trials(STUDY, root=root).query("state == 'COMPLETE'")
    scores = load_scores(STUDY, root=root).query("items == 'all'")
    both = scores.merge(trials[["target", "trial_number", "intermediate", "steps"]])
    plain = both.query("intermediate == 'none'").set_index(["target", "language"])["value"]
    both = both.query("intermediate != 'none'").copy()
    keys = pd.MultiIndex.from_frame(both[["target", "language"]])
    both["gain"] = both["value"].to_numpy() - plain.reindex(keys).to_numpy()
    return both


def by_class(found: pd.DataFrame) -> pd.DataFrame:
    """Mean gain of each chain, English apart; primary cells together, supervised ones by class."""
    others = found[found["language"] != "en"].copy()
    others["class"] = others["leakage"].where(~others["leakage"].isin(PRIMARY), "L0, L1")
    grouped = others.groupby(["target", "intermediate", "class"], sort=False)["gain"]
    table = pd.DataFrame({"languages": grouped.size(), "gain": grouped.mean()})
    spread = grouped.std() / grouped.size() ** 0.5
    table["s.e. over languages"] = spread
    english = found[found["language"] == "en"].set_index(["target", "intermediate"])["gain"]
    keys = table.index.droplevel("class")
    table["English"] = english.reindex(keys).to_numpy()
    return table


def supervised(found: pd.DataFrame) -> pd.DataFrame:
    """Every cell in whose language the chain has rows."""
    seen = found[~found["leakage"].isin(["L0"])]
    return seen.set_index([*CELL, "leakage"])[["rows", "value", "standard_error", "gain"]]


def plain(root: str) -> pd.DataFrame:
    """Scores without an intermediate phase."""
    trials = load_trials(STUDY, root=root).query("state == 'COMPLETE' and intermediate == 'none'")
    scores = load_scores(STUDY, root=root).query("items == 'all'")
    both = scores.merge(trials[["target", "trial_number"]])
    return both.set_index(["target", "language"])[["rows", "chance", "value", "standard_error"]]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default="runs")
    root = parser.parse_args().root
    found = cells(root)
    print("## Mean gain of each chain over none\n")
    print(markdown(by_class(found)))
    print("\n## Cells with intermediate rows in their language\n")
    print(markdown(supervised(found)))
    print("\n## Without an intermediate phase\n")
    print(markdown(plain(root)))
