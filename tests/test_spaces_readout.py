"""Targets that are never trained: what is searched is where their vectors are read."""

from pathlib import Path
from typing import Any

import pytest

from analysis.wording import hyperparameter_words
from search.freeze import freeze
from spaces.enumeration import distinct_settings
from spaces.mistakes import Mistake, PlanError
from spaces.phases import EvaluationSpec
from spaces.selection import make_cut
from spaces.settings import Readout, Seeds, TransferSetting
from spaces.study import SETTING
from spaces.suggest import Space, baselines, matched_baseline
from tests.worlds import plan, run, shrink_micro_world, study
from trainables import TrialRequest

TATOEBA: dict[str, Any] = {
    "targets": {"tasks": ["xnli", "tatoeba"]},
    "space": {
        "initialisations": ["micro-text", "micro-multimodal"],
        "source_languages": [["avel"]],
        "mixture": {"tasks": ["nli"], "languages": ["esho"]},
        "target": {"tatoeba": {"layers": [0, 2], "poolings": ["mean", "first"]}},
    },
}


def space() -> Space:
    """Tatoeba's space in such a plan."""
    return Space.of(plan("microworld", **TATOEBA), "tatoeba")


def test_no_axis_of_a_target_phase_exists() -> None:
    """Sources, rates and steps would only make equal settings look unlike."""
    names = [axis.name for axis in space().axes]
    assert names[:3] == ["initialisation", "readout.layer", "readout.pooling"]
    assert not any(name.startswith(("target.", "source_languages")) for name in names)
    assert space().axis("arm").choices == ("none", "intermediate")
    assert distinct_settings(space()) == 2 * 4 + 2 * 4


def test_baselines_have_the_reference_readout_or_the_first() -> None:
    """One per initialisation; nothing of the target's own rows, of which there are none."""
    found = [space().setting(params) for params in baselines(space())]
    expected = [
        TransferSetting(initialisation=name, readout=Readout(layer=0, pooling="mean"))
        for name in ("micro-text", "micro-multimodal")
    ]
    assert found == expected  # the reference layer, -1, is not among the plan's
    values = baselines(space())[0] | {"arm": "intermediate", "mixture.A": "nli:esho"}
    assert matched_baseline(values) == baselines(space())[0]


def test_a_setting_has_a_target_phase_or_a_readout() -> None:
    """Source languages without a phase to train on them, or the other way round, are refused."""
    with pytest.raises(ValueError, match="needs a source language"):
        TransferSetting(initialisation="x", source_languages=("avel",))
    setting = TransferSetting(initialisation="x", readout=Readout(layer=7, pooling="first"))
    assert SETTING.validate_json(SETTING.dump_json(setting)) == setting
    assert hyperparameter_words(setting) == "vectors: layer 7, first"


def test_layers_and_poolings_share_one_evaluation() -> None:
    """One forward pass reads all layers, so two readouts of one encoder are one phase."""
    record = freeze(plan("microworld", **TATOEBA))
    first, second = (
        TrialRequest(
            root=Path(),
            record=record,
            target="tatoeba",
            setting=TransferSetting(initialisation="micro-text", readout=Readout(layer=layer)),
            seeds=Seeds.all_equal(1),
        ).phases
        for layer in (0, 2)
    )
    assert [phase.kind for phase in first] == ["initialisation", "evaluation"]
    assert [phase.key for phase in first] == [phase.key for phase in second]
    assert isinstance(second[1], EvaluationSpec) and second[1].readout == Readout(layer=2)


def test_source_dev_cannot_choose_what_has_no_source() -> None:
    """The message names the selections that work; both of them do."""
    for selection, works in (
        ("source_dev", False),
        ("target_dev", True),
        ("held_out_languages", True),
    ):
        chosen = plan("microworld", **TATOEBA, study={"selection": selection})
        target = Space.of(chosen, "tatoeba")
        cut = make_cut(target, target.target.languages)
        assert isinstance(cut, Mistake) is not works
    assert "'target_dev' or 'held_out_languages'" in freeze_error(study={"selection": "source_dev"})


def freeze_error(**tables: Any) -> str:
    """What is said of such a plan."""
    with pytest.raises(PlanError) as caught:
        freeze(plan("microworld", **{**TATOEBA, **tables}))
    return str(caught.value)


@pytest.mark.parametrize(
    ("target", "shows"),
    [
        ({"tatoeba": {"layers": [3]}}, ("3", "0 (embeddings) to 2", "'micro-text' has 2 layers")),
        ({"tatoeba": {"layers": [-4]}}, ("-4", "'micro-multimodal' has 2 layers")),
        ({"tatoeba": {"steps": [60]}}, ("[space.target.tatoeba]", "steps", "never trained")),
        ({"xnli": {"layers": [1]}}, ("[space.target.xnli]", "layers", "a target phase trains it")),
        ({"tatoeba": {"poolings": ["max"]}}, ("max", "mean")),
        ({"tatoeba": {"layers": []}}, ("layers",)),
    ],
)
def test_readouts_that_cannot_be(target: dict[str, Any], shows: tuple[str, ...]) -> None:
    """Each is refused with the value, the rule and what would work."""
    with pytest.raises(PlanError) as caught:
        freeze(plan("microworld", **{**TATOEBA, "space": TATOEBA["space"] | {"target": target}}))
    assert all(text in str(caught.value) for text in shows)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A micro-world that pretrains in four steps."""
    shrink_micro_world(monkeypatch)


def test_each_layer_and_pooling_is_another_reading(tiny: None, tmp_path: Path) -> None:
    """All run end to end, from one initialisation; the last layer counted either way is one."""
    space = TATOEBA["space"] | {"target": {"tatoeba": {"layers": [0, 1, -1]}}}
    record = study("microworld", tmp_path, **{**TATOEBA, "space": space})
    found = {}
    for layer in (0, 1, -1):
        for pooling in ("mean", "first"):
            readout = Readout(layer=layer, pooling=pooling)  # type: ignore[arg-type]
            setting = TransferSetting(initialisation="micro-text", readout=readout)
            found[layer, pooling] = run(tmp_path, record, setting, "tatoeba")[-1]["score"]
    assert found[1, "mean"] == found[-1, "mean"]  # the tiny encoder has one layer
    # At the embeddings the first token is the same for all sentences: nothing is told apart.
    assert found[0, "first"] < found[0, "mean"]
