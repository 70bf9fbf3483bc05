"""Studies without Ray: driven by a plain loop, told by hand, or of a tiny real folder."""

import json
from pathlib import Path

import pandas as pd

from search.offers import offers_of
from search.study import open_for_writing, open_target
from search.target_queue import TargetQueue
from spaces.keys import derived_seed
from spaces.layout import StudyPaths
from spaces.looks import log_look, look_of
from spaces.plan import Plan
from spaces.selection import ITEMS, trial_score
from spaces.study import StudyRecord
from tests.plans import Changes, plan
from trainables import TrialRequest, run_trial, world_for


def oracle(changes: Changes | None = None) -> Plan:
    """The oracle plan, changed; one trial at a time, because each worker takes seconds to start."""
    return plan({"resources.concurrent_trials": 1, **(changes or {})})


def queues(record: StudyRecord, root: Path) -> list[TargetQueue]:
    """The queues of a driver that opens a study in its folder."""
    paths = StudyPaths(root, record.name)
    record.write(paths)
    storage = open_for_writing(record.plan, paths)
    studies = {t: open_target(record, t, storage, None) for t in record.targets}
    offers = offers_of(record, studies)
    return [TargetQueue(record, t, study, offers) for t, study in studies.items()]


def driven(record: StudyRecord, root: Path, look: bool = True) -> StudyRecord:
    """A study whose trials all ran, one after the other; a confirmation's look is logged first."""
    if record.confirms and look:
        path = StudyPaths(root, record.confirms.of).looks
        log_look(path, look_of(record, record.targets))
    world = world_for(record, root)
    for queue in queues(record, root):
        while asked := queue.next():
            *_, last = run_trial(
                TrialRequest(
                    root=root,
                    record=record,
                    target=asked.target,
                    setting=asked.setting,
                    trial_number=asked.number,
                    seeds=asked.seeds,
                ),
                world,
            )
            queue.complete(asked, last["score"], json.loads(last["record"]))
    return record


def told(record: StudyRecord, root: Path) -> StudyRecord:
    """A study whose trials were told scores that follow from setting and language; none ran."""
    for queue in queues(record, root):
        cut = record.cuts[queue.target]
        kinds = ITEMS if cut.items_seed is not None else ITEMS[:1]
        while asked := queue.next():
            scores = [
                {
                    "language": code,
                    "split": split,
                    "items": items,
                    "metric": "accuracy",
                    "value": derived_seed(asked.setting.setting_id, code, items) % 10_000 / 100,
                    "rows": 6,
                }
                for _, code, split in record.scored[queue.target]
                for items in kinds
            ]
            score = trial_score(scores, cut, record.plan, record.catalogue)
            queue.complete(asked, score, {"scores": scores, "phases": []})
    return record


def nli_file(path: Path, first: str, second: str, count: int, word: str = "word") -> None:
    """Rows of two texts and a label, as a data set on disk has them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = [f"{word} {number % 7}" for number in range(count)]
    columns = {first: texts, second: texts[::-1], "label": [n % 3 for n in range(count)]}
    pd.DataFrame(columns).to_parquet(path)


def real_world(folder: Path) -> Plan:
    """A tiny checkpoint and tiny rows in a folder; the plan names both relative to it."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "word", *map(str, range(7))]
    tokenizer = Tokenizer(models.WordLevel({w: n for n, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    names = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    special = {f"{name}_token": word for name, word in names.items()}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder / "tiny")
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(vocab_size=len(words), intermediate_size=8, **sizes)
    BertModel(config).save_pretrained(folder / "tiny")
    languages = ["en", "de", "fr", "zh"]
    for code in languages:
        nli_file(folder / "rows" / "xnli" / code / "validation.parquet", "premise", "hypothesis", 6)
    for name in ("sick", "other"):
        file = folder / "rows" / name / "default" / "train.parquet"
        nli_file(file, "sentence_A", "sentence_B", 12)
    return oracle(
        {
            "data.source": "rows",
            "study.selection": "target_dev",
            "targets.languages": languages,
            "initialisation": [{"name": "tiny", "path": "tiny"}],
            "task": [
                {"name": "xnli", "like": "xnli", "recipe": ["sick"], "max_tokens": 16},
                {"name": "other", "like": "sick", "folder": "other", "max_tokens": 16},
            ],
            "budget.trials_per_target": 7,
            "budget.no_intermediate_share": 0.0,
            "space.initialisations": ["tiny"],
            "space.source_languages": [["en"]],
            "space.mixture": {"tasks": ["other"], "languages": ["en"]},
            "space.intermediate": {"steps": [2], "rows_per_step": 4},
            "space.target": {"steps": [2], "rows_per_step": 4, "learning_rates": [1e-3, 1e-4]},
        }
    )
