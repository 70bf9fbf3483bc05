"""Generated repositories for the stand-in of the hub, and a process that talks to it alone."""

import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from datasets import ClassLabel, Dataset, Features, Value, disable_progress_bars
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from spaces.tasks.row import NLI_LABELS
from tests.encoders import tiny_bert
from tests.hub_server import Hub
from trainables.initialisation import save_encoder

HOME = Path(__file__).parents[1]

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CODES = ("en", "de", "fr", "sw")
WORDS = tuple(f"w{number}" for number in range(30))

CHILD = """
import contextlib, io, json, sys
told = sys.stdout
for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    code, value = None, None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        asked = json.loads(line)
        if "code" in asked:
            names = {"given": asked["given"]}
            exec(asked["code"], names)
            value = names.get("value")
        else:
            from search.cli import main
            code = main(asked["arguments"])
    print(json.dumps([code, out.getvalue(), err.getvalue(), value]), file=told, flush=True)
"""


@dataclass(frozen=True)
class Said:
    """What a command returned and printed, or the value that some code left."""

    code: int | None
    out: str
    err: str
    value: Any = None


class Child:
    """A process whose hub is the stand-in; libraries read its address when they are imported."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, *arguments: Any) -> Said:
        """Run a command of the command line."""
        return self._ask({"arguments": [str(argument) for argument in arguments]})

    def run(self, code: str, **given: Any) -> Any:
        """Run some code, which finds its input in ``given`` and leaves ``value``."""
        return self._ask({"code": code, "given": given}).value

    def _ask(self, asked: dict[str, Any]) -> Said:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return Said(*json.loads(self._process.stdout.readline()))


@contextmanager
def child(endpoint: str, home: Path, **environment: str) -> Iterator[Child]:
    """A process with its own cache; it ends with the block."""
    own = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "PYTHONPATH": str(HOME)}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    quiet = {"OMP_NUM_THREADS": "1", "TRANSFORMERS_VERBOSITY": "error", "DS_ACCELERATOR": "cpu"}
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD],
        env={**kept, **quiet, **own, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Child(process)
    finally:
        process.kill()
        process.communicate()


@cache
def nli_parquet(count: int, word: str = "w1") -> bytes:
    """Labelled pairs of texts as the hub keeps them; every premise begins with ``word``."""
    disable_progress_bars()
    text = Value("string")
    kinds = {"premise": text, "hypothesis": text, "label": ClassLabel(names=list(NLI_LABELS))}
    rows = Dataset.from_dict(
        {
            "premise": [f"{word} {WORDS[n % 30]} {WORDS[n // 30]}" for n in range(count)],
            "hypothesis": [WORDS[(7 * n) % 30] for n in range(count)],
            "label": [n % 3 for n in range(count)],
        },
        features=Features(kinds),
    )
    file = io.BytesIO()
    rows.to_parquet(file)
    return file.getvalue()


def card(licence: str, *configs: tuple[str, dict[str, str]]) -> bytes:
    """A data card: its licence, and which files are which split of which configuration."""
    lines = ["---", f"license: {licence}", "configs:"]
    for name, splits in configs:
        lines += [f"- config_name: {name}", "  data_files:"]
        for split, pattern in splits.items():
            lines += [f"  - split: {split}", f'    path: "{pattern}"']
    return "\n".join([*lines, "---", "# Rows", ""]).encode()


def push_xnli(hub: Hub, name: str, word: str = "w1") -> str:
    """XNLI in four languages; training rows that nobody needs stand beside the others."""
    splits = {split: f"{{}}/{split}-*" for split in ("train", "validation", "test")}
    configs = [(c, {split: path.format(c) for split, path in splits.items()}) for c in CODES]
    files = {"README.md": card("cc-by-nc-4.0", *configs)}
    for code in CODES:
        for split, count, mark in (("train", 9, "w2"), ("validation", 24, word), ("test", 6, "w3")):
            files[f"{code}/{split}-00000-of-00001.parquet"] = nli_parquet(count, f"{mark} {code}")
    return hub.push("datasets", name, files)


def push_mnli(hub: Hub, name: str, rows: int = 48) -> str:
    """Training rows in two files."""
    paths = {"train": "data/train-*", "validation_matched": "data/matched-*"}
    files = {
        "README.md": card("other", ("default", paths)),
        "data/train-00000-of-00002.parquet": nli_parquet(rows, "w4"),
        "data/train-00001-of-00002.parquet": nli_parquet(rows, "w5"),
        "data/matched-00000-of-00001.parquet": nli_parquet(6, "w6"),
    }
    return hub.push("datasets", name, files)


def push_scripted(hub: Hub, name: str) -> str:
    """A data set with a loading script, and the hub's conversion on a branch without a card."""
    script = b"raise SystemExit('a script was run')\n"
    hub.push("datasets", name, {f"{name.rpartition('/')[2]}.py": script, "README.md": b"# Old\n"})
    converted = {
        "plain/train/0000.parquet": nli_parquet(30, "w7"),
        "plain/validation/0000.parquet": nli_parquet(6, "w8"),
        "other/train/0000.parquet": nli_parquet(3, "w9"),
    }
    return hub.push("datasets", name, converted, "refs/convert/parquet")


@cache
def model_files() -> dict[str, bytes]:
    """A tiny encoder with a word-level tokenizer, as a model's repository has them."""
    vocabulary = {word: number for number, word in enumerate((*SPECIALS, *WORDS))}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=words, **dict(zip(names, SPECIALS, strict=True))
        )
        tokenizer.save_pretrained(folder)
        save_encoder(tiny_bert(), Path(folder))
        files = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    return {**files, "README.md": b"---\nlicense: apache-2.0\n---\n", "notes.txt": b"unneeded"}


def push_model(hub: Hub, name: str) -> str:
    """The tiny encoder, with a pickle and another variant of the weights beside it."""
    more = {"pytorch_model.bin": b"a pickle", "model.fp16.safetensors": b"a variant"}
    return hub.push("models", name, {**model_files(), **more})


def plan_tables(owner: str, **data: Any) -> dict[str, Any]:
    """A plan of few steps whose rows and weights are an owner's repositories."""
    return {
        "study": {"name": "hubbed", "seed": 1, "selection": "target_dev"},
        "targets": {"tasks": ["xnli"], "languages": list(CODES[1:])},
        "data": {"source": "hub", **data},
        "budget": {"trials_per_target": 3},
        "space": {
            "initialisations": ["tiny"],
            "source_languages": [["en"]],
            "mixture": {"tasks": ["old"], "languages": ["en"]},
            "intermediate": {"learning_rates": [1e-3], "steps": [2], "rows_per_step": 4},
            "target": {"learning_rates": [1e-3], "steps": [3], "rows_per_step": 4},
        },
        "initialisation": [{"name": "tiny", "path": f"hub:{owner}/tiny"}],
        "task": [
            {"name": "xnli", "like": "xnli", "hub": f"{owner}/xnli", "languages": list(CODES),
             "max_tokens": 16},
            {"name": "mnli", "like": "mnli", "hub": f"{owner}/mnli", "max_tokens": 16},
            {"name": "old", "like": "snli_cad", "hub": f"{owner}/old", "config": "plain",
             "branch": "refs/convert/parquet", "max_tokens": 16},
        ],
    }  # fmt: skip
