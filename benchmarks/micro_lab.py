"""The micro-world without a search: chosen cells of initialisation, intermediate task and target.

Serves ``micro_effects.py`` and the slow tests of planted truths.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

from search.freeze import freeze
from spaces.initialisations import INITIALISATIONS, Initialisation
from spaces.languages import MICRO_LANGUAGES, MICRO_TWINS, Language
from spaces.mixing import by_weight, weights_of
from spaces.plan import parse_plan
from spaces.plan_space import split_chain
from spaces.settings import Mixture, Part, TransferSetting
from spaces.tasks import TASKS
from trainables import TrialRequest, micro, run_trial, world_for
from trainables.micro import cues

vocabulary = import_module("trainables.micro.vocabulary")  # its package has a function of the name

HUB = MICRO_LANGUAGES[0].code
TARGETS = tuple(task.name for task in TASKS if task.world == "micro" and task.languages)
INTERMEDIATE = (
    "nli", "choice", "qa", "paraphrase", "tagging", "permuted", "real_or_fake", "masked"
)  # fmt: skip

SEEN = ("esho", "fanu")
"""Languages that non-European intermediate rows are in."""
HELD_OUT = ("gire", "hatu")
"""Non-European languages that no intermediate row is ever in."""
EUROPEAN = ("brin", "corm", "dask")
FAR = SEEN + HELD_OUT

BUILT_IN = {row.name: row for row in INITIALISATIONS if row.world == "micro"}


def variant(base: str, name: str, **pretraining: object) -> Initialisation:
    """An initialisation that differs from a built-in one in how it is pretrained."""
    row = BUILT_IN[base]
    assert row.pretraining is not None
    return replace(row, name=name, pretraining=replace(row.pretraining, **pretraining))  # type: ignore[arg-type]


class Lab:
    """One seed of the micro-world; phases are shared with every lab on the same root."""

    def __init__(
        self, root: Path, seed: int, rows: tuple[Initialisation, ...] = (), twins: bool = False
    ) -> None:
        """Freeze a study that holds every target and intermediate task.

        Args:
            root: holds the phase store.
            seed: of initialisation, rows, intermediate and target phases.
            rows: initialisations beyond the built-in ones.
            twins: score the twin language as well.
        """
        codes = [row.code for row in MICRO_LANGUAGES + MICRO_TWINS * twins]
        self.root, self.record = root, freeze(parse_plan(_plan(seed, codes)))
        for row in rows:
            self.record.catalogue.initialisations[row.name] = row
            self.record.revisions[row.name] = micro.world_revision()
        self.world = world_for(self.record, root)

    def scores(
        self, target: str, initialisation: str, intermediate: str = "none"
    ) -> dict[str, float]:
        """Score of one setting in each language, in points, reference hyperparameters throughout.

        Args:
            target: a target's name.
            initialisation: a built-in one's name, or one of the lab's own.
            intermediate: ``<task>:<language or group>``, a chain of them as plans list it
                (``nli:esho + qa:esho > choice:esho``), or ``none``.
        """
        request = TrialRequest(
            root=self.root,
            record=self.record,
            target=target,
            setting=self.setting(target, initialisation, intermediate),
        )
        *_, last = run_trial(request, self.world)
        scores = json.loads(last["record"])["scores"]
        return {row["language"]: row["value"] for row in scores if row["items"] == "all"}

    def setting(self, target: str, initialisation: str, intermediate: str) -> TransferSetting:
        """The setting that ``scores`` runs."""
        row = self.record.catalogue.tasks[target]
        chain = () if intermediate == "none" else self._chain(intermediate)
        if not row.recipe:
            return TransferSetting(
                initialisation=initialisation, intermediate=chain, readout=row.readout
            )
        return TransferSetting(
            initialisation=initialisation,
            intermediate=chain,
            source_languages=(HUB,),
            target=row.reference,
        )

    def _chain(self, intermediate: str) -> tuple[Mixture, ...]:
        return tuple(self._mixture(names) for names in split_chain(intermediate))

    def _mixture(self, names: list[str]) -> Mixture:
        """Candidates that weigh alike, for the steps of one of them."""
        catalogue = self.record.catalogue
        pairs = [name.partition(":")[::2] for name in names]
        reference = catalogue.tasks[pairs[0][0]].reference
        assert reference is not None
        groups = [catalogue.parts_of([task], languages) for task, languages in pairs]
        weights = weights_of(by_weight(groups, [1] * len(groups)))
        parts = [Part(task=t, language=c, weight=w) for (t, c), w in weights.items()]
        return Mixture(parts=tuple(parts), optimisation=reference)


def _plan(seed: int, codes: list[str]) -> dict[str, object]:
    return {
        "study": {"name": "lab", "seed": seed, "selection": "held_out_languages"},
        "targets": {"tasks": TARGETS, "languages": codes},
        "data": {"source": "microworld"},
        "space": {
            "initialisations": list(BUILT_IN),
            "source_languages": [[HUB]],
            "mixture": {
                "tasks": INTERMEDIATE,
                "languages": [HUB, "european", "non_european"],
            },
        },
        "budget": {"trials_per_target": 20},
    }


@contextmanager
def scaled_overlap(factor: float) -> Iterator[None]:
    """Another world: every language shares ``factor`` times as many words with the hub.

    Families share nothing in it: relatives of the hub's nearest would run out of words to copy.
    """
    rows = tuple(_with_overlap(row, factor) for row in (*MICRO_LANGUAGES, *MICRO_TWINS))
    grammars = {row.code: row.grammar for row in rows}
    with (
        patch.multiple(vocabulary, _ROWS=rows, _GRAMMARS=grammars),
        patch.object(micro, "MICRO_LANGUAGES", rows),
    ):
        _forget_words()
        yield
    _forget_words()


def _with_overlap(row: Language, factor: float) -> Language:
    if row.code == HUB or row.grammar is None:
        return row
    overlap = min(1.0, factor * row.grammar.hub_overlap)
    grammar = replace(row.grammar, hub_overlap=overlap, relative="", relative_overlap=0.0)
    return replace(row, grammar=grammar)


def _forget_words() -> None:
    for function in (vocabulary._lexicons, vocabulary.surfaces, cues._names):
        function.cache_clear()
