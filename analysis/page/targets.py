"""One section for each target: what to take, and three views of what was tried."""

from analysis.languages import best_by_language, group_grid
from analysis.page.blocks import Block, Facts, Figure, Figures, Section, Table, Words
from analysis.page.chosen import Chosen, chosen_of, dots_of
from analysis.page.cost import cost_plot
from analysis.page.dots import dot_plot
from analysis.page.heat import heat_map
from analysis.page.tried import priced_settings, searched_cells
from analysis.report import setting_words, target_words
from analysis.snapshot import Snapshot
from analysis.wording import counted, gain, points

NOTHING = "Nothing to choose from yet: no COMPLETE trial with a known setting."

CONTRAST_ALONE = (
    "This study is a contrast alone: it chooses no setting. Its cells stand in the section on the "
    "contrast; language by language: `analysis.contrast_cells`."
)
TRIED = (
    "The best score of each pair that was tried; the best of all is framed and bold, pairs that "
    "nobody tried are hatched. A search tries most what scores best, so these squares do not "
    "compare initialisations fairly: a contrast does."
)
CONFIRMED_CELLS = (
    "The best mean over replicates of each pair among the confirmed settings; the best of all is "
    "framed and bold, pairs that were not confirmed are hatched."
)
MEANS = (
    "score, and gains over the tuned and the matched baseline. primary: L0 and L1, or no "
    "intermediate phase; supervised: the other classes of leakage; English, or the hub language of "
    "an invented world, is apart. A mean of few languages says little."
)
LANGUAGE_DOTS = (
    "Each language's score of the setting above{against}; languages by "
    "family, script in brackets. The marker says which rows of a language the setting was trained "
    "on, colour and number at the right its group."
)
COSTS = (
    "Each setting's mean score against the optimiser steps of its intermediate and target phases, "
    "as if nothing were shared. The line joins settings that no cheaper one reaches."
)


def target_section(snapshot: Snapshot, target: str) -> Section:
    """Everything about one target but its contrast."""
    blocks: list[Block] = [Words(_about(snapshot, target))]
    chosen = chosen_of(snapshot, target)
    if chosen is None:
        blocks.append(Words(_missing(snapshot)))
    else:
        blocks.append(Facts(_facts(snapshot, target, chosen)))
    if figures := _figures(snapshot, target, chosen):
        blocks.append(Figures(figures))
    if chosen and not snapshot.record.confirms:
        means = group_grid(best_by_language(snapshot, chosen.trials[0]))
        blocks += [Table("Means over languages, by group", means), Words(MEANS)]
    return Section(f"target-{target}", f"Target {target}", blocks)


def _about(snapshot: Snapshot, target: str) -> str:
    """What a score is here."""
    record, row = snapshot.record, snapshot.record.catalogue.tasks[target]
    if record.confirms is None:
        return target_words(record, target)
    return (
        f"Test rows: {record.confirms.rows[target]} in {len(record.scored[target])} languages. "
        f"Metric: {row.metric}, in points; chance {row.chance:.1f}."
    )


def _missing(snapshot: Snapshot) -> str:
    plan = snapshot.record.plan
    searched = snapshot.record.confirms or plan.budget.trials_per_target
    return NOTHING if searched else CONTRAST_ALONE


def _facts(snapshot: Snapshot, target: str, chosen: Chosen) -> list[tuple[str, str]]:
    """The setting in words, and how much stands behind it."""
    task = snapshot.record.catalogue.tasks[target]
    trials = ", ".join(str(trial.number) for trial in chosen.trials)
    return [
        ("setting", chosen.setting.setting_id),
        *setting_words(chosen.setting, task),
        (counted(len(chosen.trials), "trial").split()[1], trials),
        *_baselines(snapshot, chosen),
    ]


def _baselines(snapshot: Snapshot, chosen: Chosen) -> list[tuple[str, str]]:
    """A search's score beside both baselines; a confirmation's stand in its own section."""
    if snapshot.record.confirms:
        return []
    from analysis.gains import Baselines

    best = chosen.trials[0]
    baselines = Baselines.of(snapshot.of_target(best.target))
    matched = baselines.matched(best)
    found = [("score", f"{points(best.score)}, on the rows that chose it")]
    if best.attributes.record.reported_score is not None:
        found.append(("reported score", points(best.attributes.record.reported_score)))
    for name, baseline, difference in (
        ("tuned", baselines.best, baselines.tuned_gain(best)),
        ("matched", matched, baselines.paired_gain(best)),
    ):
        if baseline:
            kind = "tuned" if name == "tuned" else "paired"
            about = f"{points(baseline.score)} (trial {baseline.number}); {kind} gain"
            found.append((f"{name} baseline", f"{about} {gain(difference)}"))
    return found


def _figures(snapshot: Snapshot, target: str, chosen: Chosen | None) -> list[Figure]:
    """Heat map, languages, cost: as far as there are numbers for them."""
    settings, starts = priced_settings(snapshot, target), snapshot.record.plan.space.initialisations
    figures = []
    searched = not snapshot.record.plan.contrast or any(t.may_win for t in snapshot.trials)
    if settings and (snapshot.record.confirms or searched):
        words = CONFIRMED_CELLS if snapshot.record.confirms else TRIED
        title = f"{target}: initialisation by intermediate"
        cells = searched_cells(settings, starts)
        figures.append(heat_map(f"heat-{target}", title, words, cells))
    if chosen:
        figures.append(_dots(snapshot, target, chosen))
    if settings:
        title = f"{target}: score against cost"
        figures.append(cost_plot(f"cost-{target}", title, COSTS, settings, starts))
    return figures


def _dots(snapshot: Snapshot, target: str, chosen: Chosen) -> Figure:
    chance = snapshot.record.catalogue.tasks[target].chance
    hollow = f", and its {chosen.against}'s as a hollow dot" if chosen.baseline else ""
    text = LANGUAGE_DOTS.format(against=hollow)
    dots = dots_of(snapshot, chosen)
    title = f"{target}: languages"
    return dot_plot(f"languages-{target}", title, text, dots, chance, chosen.against)
