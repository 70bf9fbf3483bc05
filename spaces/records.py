"""Columns of every frame, declared once: name, dtype, unit, meaning.

A frame has the same columns and dtypes when it is empty.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a frame."""

    name: str
    dtype: str
    meaning: str
    unit: str = ""


TRIAL_KEYS = ("study", "target", "trial_number")
"""Columns that name a trial: of ``trials`` they name a row, and other frames join on them."""

TRIAL_COLUMNS = (
    Column("study", "string", "name of the study"),
    Column("world", "string", "real, micro or oracle; results of different worlds never mix"),
    Column("target", "string", "target task"),
    Column("trial_number", "Int64", "number within the target's Optuna study"),
    Column("state", "string", "COMPLETE, PRUNED, FAIL, RUNNING or WAITING"),
    Column(
        "score",
        "Float64",
        "what selection looks at; a confirmation has its reported_score",
        "points",
    ),
    Column("reported_score", "Float64", "the same aggregate over the reported languages", "points"),
    Column("setting_id", "string", "hash of the setting: the join key over targets and seeds"),
    Column("arm", "string", "none or intermediate: which arm's budget the trial used"),
    Column(
        "role",
        "string",
        "sampled, offered (an intermediate that another target paid for), grid, baseline or "
        "matched_baseline; contrast; of a confirmation finalist, tuned_baseline or "
        "matched_baseline",
    ),
    Column(
        "replicate",
        "Int64",
        "of a contrast or a confirmation: which set of fresh seeds; NA of a search's trials",
    ),
    Column("initialisation", "string", "pretrained weights"),
    Column("family", "string", "initialisations of one tokenizer, size and first weights; or NA"),
    Column("twin", "string", "text-only initialisation that this one was made from; or NA"),
    Column(
        "image_stage", "string", "none, distilled captions, images, shuffled images; NA: not known"
    ),
    Column("intermediate", "string", "mixtures trained in between, or none"),
    Column("intermediate_tasks", "string", "tasks of all mixtures, sorted: nli+qa; or none"),
    Column("intermediate_languages", "string", "their languages, sorted: de+sw; or none"),
    Column("intermediate_learning_rate", "Float64", "peak learning rate of the first mixture"),
    Column("intermediate_steps", "Int64", "optimiser steps of all mixtures", "steps"),
    Column("source_languages", "string", "languages of the target phase's rows"),
    Column("target_learning_rate", "Float64", "peak learning rate of the target phase"),
    Column("target_steps", "Int64", "optimiser steps of the target phase", "steps"),
    Column("readout", "string", "layer and pooling of a target without training"),
    Column("initialisation_seed", "Int64", "seed of the initialisation phase"),
    Column("rows_seed", "Int64", "seed that draws rows"),
    Column("intermediate_seed", "Int64", "seed of the intermediate phase"),
    Column("target_seed", "Int64", "seed of the target phase"),
    Column(
        "paired_gain",
        "Float64",
        "score minus the no-intermediate trial that is equal in all else",
        "points",
    ),
    Column(
        "tuned_gain",
        "Float64",
        "score minus the best no-intermediate trial of the target; NA of replicates",
        "points",
    ),
    Column("selection", "string", "rule that says which scores may choose"),
    Column("steps", "Int64", "optimiser steps this trial executed; hits cost none", "steps"),
    Column("tokens", "Int64", "non-padding tokens this trial executed", "tokens"),
    Column("seconds", "Float64", "wall time of the phases this trial executed", "seconds"),
    Column("gpu_seconds", "Float64", "the same times the GPUs held; 0 on CPUs", "GPU-seconds"),
    Column("pruned_step", "Int64", "step of the target phase at which it was pruned", "steps"),
    Column("reason", "string", "why the trial failed"),
    Column("attempts", "Int64", "times the trial was handed to an actor"),
    Column("started", "datetime64[us]", "when the trial was asked", "local time"),
    Column("finished", "datetime64[us]", "when the trial was told", "local time"),
)

SCORE_COLUMNS = (
    Column("study", "string", "name of the study"),
    Column("world", "string", "real, micro or oracle"),
    Column("target", "string", "target task"),
    Column("trial_number", "Int64", "number within the target's Optuna study"),
    Column("setting_id", "string", "hash of the setting"),
    Column("language", "string", "language the score is computed in"),
    Column("group", "string", "group of the language, by the definition that `grouping` names"),
    Column("grouping", "string", "definition of language groups that the plan follows"),
    Column("split", "string", "dev or test; a search never scores test"),
    Column("items", "string", "all, selecting or reported: which half of parallel items"),
    Column("metric", "string", "name of the metric"),
    Column("value", "Float64", "the score", "points"),
    Column("standard_error", "Float64", "of the score over its rows; NA for corpus F1", "points"),
    Column("rows", "Int64", "rows it is computed on", "rows"),
    Column("candidates", "Int64", "retrieval: candidates each query is ranked against", "rows"),
    Column("rows_of", "string", "task whose rows these are, where they stand for the target's own"),
    Column("cue_only", "Float64", "what a surface cue alone reaches on these rows", "points"),
    Column("chance", "Float64", "what guessing reaches", "points"),
    Column("role", "string", "selecting, reported, both or other"),
    Column("in_objective", "boolean", "whether gains are averaged over this language"),
    Column("seen_source", "boolean", "the target phase trained on this language"),
    Column("seen_intermediate", "boolean", "an intermediate phase trained on this language"),
    Column("seen_skill", "boolean", "an intermediate trained the target's skill in this language"),
    Column(
        "leakage",
        "string",
        "what intermediate rows share with the cell: same rows (as the target phase's), or in the "
        "language L4 data set, L2 skill, L3 documents, L1 none of these; L0 no rows; NA no phase",
    ),
)

REPORT_COLUMNS = (
    Column("study", "string", "name of the study"),
    Column("world", "string", "real, micro or oracle"),
    Column("target", "string", "target task"),
    Column("trial_number", "Int64", "number within the target's Optuna study"),
    Column("step", "Int64", "step of the target phase", "steps"),
    Column("value", "Float64", "score on the rows that may choose, at that step", "points"),
)

PRETRAINING_COLUMNS = (
    Column("study", "string", "name of the study"),
    Column("world", "string", "real, micro or oracle"),
    Column("initialisation", "string", "weights that were pretrained here"),
    Column("key", "string", "content key of the phase: one for each initialisation seed"),
    Column("task", "string", "whose dev rows these are"),
    Column("language", "string", "language of the rows"),
    Column("group", "string", "group of the language, by the plan's grouping"),
    Column("measure", "string", "masked_loss, text_to_image, image_to_text or text_to_hub_text"),
    Column("value", "Float64", "nats of a masked token, or per cent found", "nats or per cent"),
    Column("documents", "Int64", "rows it is measured on", "rows"),
    Column("chance", "Float64", "what guessing finds; NA of losses", "per cent"),
)

PHASE_COLUMNS = (
    Column("study", "string", "name of the study"),
    Column("world", "string", "real, micro or oracle"),
    Column("target", "string", "target task of the trial"),
    Column("trial_number", "Int64", "trial that executed the phase, or took it from the store"),
    Column("position", "Int64", "place among the trial's phases, from 0"),
    Column("key", "string", "content key of the phase"),
    Column("parent", "string", "key of the phase before it; empty for an initialisation"),
    Column("kind", "string", "initialisation, intermediate, target or evaluation"),
    Column("title", "string", "what people call it"),
    Column("hit", "boolean", "taken from the store instead of executed"),
    Column(
        "how", "string", "trained, hit, or rebuilt: executed again, as its weights were evicted"
    ),
    Column("steps", "Int64", "optimiser steps of the phase; what a hit saved", "steps"),
    Column("tokens", "Int64", "non-padding tokens of the phase", "tokens"),
    Column("seconds", "Float64", "wall time of its execution; what a hit saved", "seconds"),
    Column("gpu_seconds", "Float64", "the same times the GPUs held; 0 on CPUs", "GPU-seconds"),
    Column("executed_by", "string", "study that executed it"),
)

ESTIMATE_COLUMNS = (
    Column("estimate", "Float64", "the difference; positive where the first is better", "points"),
    Column("standard_error", "Float64", "of the estimate, over what `covers` names", "points"),
    Column("df", "Float64", "degrees of freedom of the standard error"),
    Column("low", "Float64", "lower end of the interval", "points"),
    Column("high", "Float64", "upper end of the interval", "points"),
    Column("level", "Float64", "share of such intervals that hold the truth"),
    Column("p", "Float64", "two-sided p-value of no difference"),
    Column("p_holm", "Float64", "adjusted by Holm over the rows of its family"),
    Column("p_bh", "Float64", "adjusted by Benjamini and Hochberg over the same rows"),
    Column("sd", "Float64", "standard deviation of the difference over units", "points"),
    Column("n_sets", "Int64", "independent units: sets of seeds, or what several sets share"),
    Column("unit", "string", "set, or initialisation_seed where sets share pretrainings"),
    Column("sets_left_out", "Int64", "sets that lack one of the compared scores", "sets"),
    Column(
        "rows_standard_error",
        "Float64",
        "of the difference over scored rows, as if both sides had rows of their own; NA: not known",
        "points",
    ),
    Column("covers", "string", "what the interval holds over: seeds, languages, rows"),
    Column("method", "string", "paired or mixed"),
    Column("margin", "Float64", "the largest difference that counts as none", "points"),
    Column("verdict", "string", "better, no different, worse or not enough evidence"),
    Column(
        "sets_needed",
        "Int64",
        "units that a new study takes to settle it at this sd and margin, fixed beforehand; "
        "NA where the interval covers more than seeds",
    ),
    Column("claim", "string", "what the design lets one say: of which weights, of what in general"),
)
"""How every compared pair is told: difference, interval, p-values, verdict."""

EFFECT_COLUMNS = (
    Column("study", "string", "name of the study"),
    Column("world", "string", "real, micro or oracle"),
    Column("target", "string", "target task, or overall: the mean over targets within each set"),
    Column("effect", "string", "initialisation, intermediate, group or interaction"),
    Column("contrasted", "string", "what is compared"),
    Column("baseline", "string", "what it is compared with"),
    Column("averaged_over", "string", "levels of the other factor, whose mean either side is"),
    Column("languages", "string", "averaged, seen, unseen, or codes that were asked for"),
    Column("n_languages", "Int64", "languages behind a score; of overall, the fewest"),
    *ESTIMATE_COLUMNS,
)
"""Columns of ``contrast`` and ``interaction``."""

GAIN_COLUMNS = (
    Column("study", "string", "name of the confirmation"),
    Column("world", "string", "real, micro or oracle"),
    Column("target", "string", "target task, or overall: the mean over targets within each set"),
    Column("setting_id", "string", "hash of the finalist's setting"),
    Column("initialisation", "string", "pretrained weights of the finalist"),
    Column("intermediate", "string", "mixtures trained in between, or none"),
    Column("chosen_by", "string", "selectors that chose it"),
    Column("is_answer", "boolean", "whether the study's own selection put it first"),
    Column("against", "string", "tuned or matched: which baseline"),
    Column("baseline_id", "string", "hash of the baseline's setting"),
    *ESTIMATE_COLUMNS,
    Column("shrunken", "Float64", "difference of the shrunken means", "points"),
)
"""Columns of ``confirmed_gains``."""

CONFIRMED_COLUMNS = (
    Column("study", "string", "name of the confirmation"),
    Column("world", "string", "real, micro or oracle"),
    Column("target", "string", "target task"),
    Column("setting_id", "string", "hash of the setting"),
    Column("initialisation", "string", "pretrained weights"),
    Column("intermediate", "string", "mixtures trained in between, or none"),
    Column("arm", "string", "none or intermediate"),
    Column("role", "string", "finalist, tuned_baseline or matched_baseline"),
    Column("chosen_by", "string", "selectors that it is a finalist of"),
    Column("tuned_for", "string", "selectors whose best setting without an intermediate it is"),
    Column("n_sets", "Int64", "independent units: sets of seeds, or what several sets share"),
    Column("mean", "Float64", "score on test rows, over sets of fresh seeds", "points"),
    Column("sd", "Float64", "standard deviation over units", "points"),
    Column("standard_error", "Float64", "of the mean, over seeds", "points"),
    Column("low", "Float64", "lower end of the mean's interval", "points"),
    Column("high", "Float64", "upper end of the mean's interval", "points"),
    Column("level", "Float64", "share of such intervals that hold the truth"),
    Column("shrunken", "Float64", "mean, drawn towards its arm's by the share of noise", "points"),
)
"""Columns of ``confirmed_settings``."""

LADDER_COLUMNS = (
    Column("study", "string", "name of the searched study"),
    Column("world", "string", "real, micro or oracle"),
    Column("target", "string", "target task"),
    Column("selection", "string", "rule that picks, or oracle: the best of the confirmed"),
    Column("is_own", "boolean", "whether it is the study's own rule"),
    Column("setting_id", "string", "hash of the setting that it picks"),
    Column("trial_number", "Int64", "number of the picked trial in the search; NA of the oracle"),
    Column("initialisation", "string", "pretrained weights of the pick"),
    Column("intermediate", "string", "mixtures trained in between, or none"),
    Column("selection_score", "Float64", "what the rule looks at, of its pick", "points"),
    Column("tuned_gain", "Float64", "of it over the rule's best without intermediate", "points"),
    Column("paired_gain", "Float64", "of it over the trial that is equal in all else", "points"),
    Column("trials_none", "Int64", "trials without an intermediate that it chose from", "trials"),
    Column("trials_intermediate", "Int64", "trials with one that it chose from", "trials"),
    Column("confirmed", "Float64", "the pick's mean on test rows; NA: not confirmed", "points"),
    Column("confirmed_sets", "Int64", "sets of fresh seeds behind it", "sets"),
    Column("gap", "Float64", "oracle minus pick, set by set", "points"),
    Column("gap_low", "Float64", "lower end of the gap's interval", "points"),
    Column("gap_high", "Float64", "upper end of the gap's interval", "points"),
)
"""Columns of ``selection_ladder``."""
