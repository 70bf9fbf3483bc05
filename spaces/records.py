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
        "sampled, grid, baseline or matched_baseline; contrast; of a confirmation, finalist",
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
    Column("key", "string", "content key of the phase"),
    Column("parent", "string", "key of the phase before it; empty for an initialisation"),
    Column("kind", "string", "initialisation, intermediate, target or evaluation"),
    Column("title", "string", "what people call it"),
    Column("hit", "boolean", "taken from the store instead of executed"),
    Column("steps", "Int64", "optimiser steps of the phase; what a hit saved", "steps"),
    Column("tokens", "Int64", "non-padding tokens of the phase", "tokens"),
    Column("seconds", "Float64", "wall time of its execution", "seconds"),
    Column("executed_by", "string", "study that executed it"),
)
