"""Canonical JSON, content keys, and the golden table of names."""

import hashlib
import itertools
import json
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spaces.phases
from spaces.catalogue import Catalogue
from spaces.keys import NOT_IN_KEY, canonical_json, content_hash, derived_seed, short_hash
from spaces.leakage import seen_flags
from spaces.phases import (
    Frozen,
    InitialisationSpec,
    PhaseSpec,
    row_name,
    scored_languages,
    trial_phases,
)
from spaces.settings import Mixture, Optimisation, Part, Seeds, TransferSetting
from tests.worlds import GOLDEN, golden_keys, setting_of, study

RATE = Optimisation(learning_rate=1e-3, steps=10)
ORACLE = Catalogue.of_world("oracle")
CODES = ORACLE.tasks["xnli"].languages


@dataclass(frozen=True)
class Sample:
    """A dataclass with every kind of field."""

    needed: int
    optional: float = 0.5
    nested: Any = None
    title: str = field(default="", metadata=NOT_IN_KEY)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": [True, None, "é"]}, r'{"a":[true,null,"\u00e9"],"b":1}'),
        (0.30000000000000004, "0.3"),
        (np.float64(2 / 3), "0.666667"),
        (1_234_567.0, "1234570.0"),
        (2**70, "1180591620717411303424"),
        ((1, [2, (3,)]), "[1,[2,[3]]]"),
        (Sample(needed=1), '{"needed":1}'),
        (Sample(needed=1, optional=0.5, title="a name"), '{"needed":1}'),
        (Sample(needed=1, nested=Sample(needed=2, optional=0)), None),
        (-0.0, "0.0"),
    ],
)
def test_canonical_json_is_as_worked_out_by_hand(value: object, expected: str | None) -> None:
    """Names are sorted, floats rounded to six digits, defaults and titles left out."""
    wanted = expected or '{"needed":1,"nested":{"needed":2,"optional":0}}'
    assert canonical_json(value) == wanted


def test_hashes_are_sha256_of_the_canonical_json() -> None:
    """A key can be worked out with any sha256, and a short one is its beginning."""
    digest = hashlib.sha256(b'{"a":[0.3],"b":1}').hexdigest()
    assert content_hash({"b": 1, "a": [0.1 + 0.2]}) == digest
    assert short_hash({"b": 1, "a": [0.3]}) == digest[:12]


def test_derived_seeds_are_the_same_in_every_process() -> None:
    """A seed is the first 8 bytes of a sha256, halved into 63 bits, whatever Python's hash seed."""
    first = hashlib.sha256(b'["cap",3,"nli:esho"]').digest()[:8]
    assert derived_seed("cap", 3, "nli:esho") == int.from_bytes(first, "big") // 2
    assert len({derived_seed("a", 1), derived_seed("a", "1"), derived_seed("a1")}) == 3


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), [1, {"a": np.nan}]])
def test_numbers_that_are_not_finite_are_refused(value: object) -> None:
    """No key is made of NaN or an infinity, however deep it stands."""
    with pytest.raises(ValueError, match="only finite numbers"):
        content_hash(value)


@pytest.mark.parametrize(
    "value", [{1, 2}, b"bytes", Decimal(1), np.int64(3), Path("x"), object(), Sample, np.zeros(2)]
)
def test_types_without_a_canonical_form_are_refused(value: object) -> None:
    """A type whose JSON form would be a guess is refused instead of guessed."""
    with pytest.raises(TypeError, match="no canonical form"):
        content_hash({"a": [value]})


@pytest.mark.parametrize(
    ("name", "noisy"), [("warmup_share", 0.1 + 1e-12), ("weight_decay", 0.010000000000000002)]
)
def test_a_default_with_rounding_noise_is_still_the_default(name: str, noisy: float) -> None:
    """A field that equals its default at the precision of keys is left out like the default."""
    assert content_hash(replace(RATE, **{name: noisy})) == content_hash(RATE)


def test_equal_optimisations_of_other_number_types_share_a_key() -> None:
    """1 and 1.0, and a grid's 0.30000000000000004 and 0.3, name one optimisation."""
    whole = Optimisation(learning_rate=1, steps=10, weight_decay=0)
    assert content_hash(whole) == content_hash(
        Optimisation(learning_rate=1.0, steps=10, weight_decay=0.0)
    )
    assert content_hash(replace(RATE, learning_rate=0.1 + 0.2)) == content_hash(
        replace(RATE, learning_rate=0.3)
    )


PARTS = st.lists(
    st.builds(
        Part,
        task=st.sampled_from(["nli", "qa", "choice"]),
        language=st.sampled_from(["avel", "brin", "esho"]),
        weight=st.integers(1, 6),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda part: (part.task, part.language),
)


@settings(max_examples=50, deadline=None)
@given(PARTS, st.randoms(use_true_random=False), st.integers(1, 5))
def test_order_and_unit_of_a_mixture_are_not_in_its_key(parts, random, factor) -> None:
    """Parts in any order, with weights in any common unit, are one mixture with one key."""
    shuffled = [replace(part, weight=part.weight * factor) for part in parts]
    random.shuffle(shuffled)
    first, second = (Mixture(parts=tuple(p), optimisation=RATE) for p in (parts, shuffled))
    assert first == second
    assert content_hash(first) == content_hash(second)


def test_weights_name_shares() -> None:
    """2:2 and 1:1 are one mixture, 2:1 and 1:2 are two others."""

    def key(*weights: int) -> str:
        parts = zip("ab", weights, strict=True)
        named = tuple(Part(task="nli", language=code, weight=weight) for code, weight in parts)
        return content_hash(Mixture(parts=named, optimisation=RATE))

    assert key(2, 2) == key(1, 1)
    assert len({key(1, 1), key(2, 1), key(1, 2)}) == 3


def phases_of(seeds: Seeds | None = None, task: str = "nli", target: str = "xnli", **tables: Any):
    """Phases of a fixed oracle trial whose study has some other tables."""
    mixture = {"tasks": [task], "languages": ["esho"]}
    space = {"mixture": mixture, **tables.pop("space", {})}
    record = study(space=space, targets={"tasks": ["xnli", "xcopa"]}, **tables)
    setting = setting_of("oracle", task)
    return trial_phases(record.frozen, target, setting, seeds or record.seeds)


def changed(first: tuple[PhaseSpec, ...], second: tuple[PhaseSpec, ...]) -> list[str]:
    """Kinds of phases whose keys differ."""
    pairs = zip(first, second, strict=True)
    return [one.kind for one, other in pairs if one.key != other.key]


ALL = ["initialisation", "intermediate", "target", "evaluation"]


@pytest.mark.parametrize(
    ("seed", "expected"),
    [
        ("initialisation", ALL),
        ("rows", ALL[1:]),
        ("intermediate", ALL[1:]),
        ("target", ALL[2:]),
    ],
)
def test_a_key_holds_its_own_seed_and_its_parents(seed: str, expected: list[str]) -> None:
    """Another seed renames the phases that draw from it and those after them, and no other."""
    seeds = Seeds.all_equal(7)
    other = replace(seeds, **{seed: 8})
    assert changed(phases_of(seeds), phases_of(other)) == expected


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"resources": {"zero_stage": 2, "tokens_per_micro_batch": 99, "cpus_per_worker": 2}}, []),
        ({"resources": {"workers_per_trial": 2}}, []),
        ({"budget": {"trials_per_target": 99, "reports_per_phase": 3, "pruner": "median"}}, []),
        ({"study": {"name": "other", "objective": "worst", "selection": "source_dev"}}, []),
        ({"data": {"oracle_seconds_per_phase": 1}}, []),
        ({"resources": {"precision": "bf16"}}, ALL),
        ({"targets": {"dev_rows": 100}}, ["evaluation"]),
    ],
)
def test_a_plan_enters_keys_only_where_it_decides_numbers(tables, expected) -> None:
    """Resources, budget, names and selection keep every key; precision and scored rows do not."""
    targets = {"tasks": ["xnli", "xcopa"], **tables.get("targets", {})}
    record = study(**{**tables, "targets": targets})
    other = trial_phases(record.frozen, "xnli", setting_of("oracle"), record.seeds)
    assert changed(phases_of(Seeds.all_equal(7)), other) == expected


def test_targets_share_what_they_have_in_common() -> None:
    """One intermediate phase serves every target; the target phases differ."""
    first, second = phases_of(), phases_of(target="xcopa")
    assert changed(first, second) == ["target", "evaluation"]
    assert [phase.parent for phase in first[1:]] == [phase.key for phase in first[:-1]]


def test_a_phase_version_renames_its_kind_and_what_follows(monkeypatch) -> None:
    """Raising a version makes old results of that kind, and of phases built on it, unreachable."""
    before = [phase.key for phase in phases_of()]
    monkeypatch.setitem(spaces.phases.PHASE_VERSIONS, "target", 2)
    after = [phase.key for phase in phases_of()]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, True, False, False]


def test_an_initialisation_is_named_by_its_content() -> None:
    """Two names of one checkpoint share its phase; another revision does not."""
    named = InitialisationSpec(name="mine", revision="r1")
    assert named.key == InitialisationSpec(name="yours", revision="r1").key
    assert named.key != InitialisationSpec(name="mine", revision="r2").key


def test_every_field_of_a_setting_is_in_its_id() -> None:
    """Settings that differ in anything have different ids, and source languages are a set."""
    base = setting_of("oracle")
    mixture = base.intermediate[0]
    others: list[TransferSetting] = [
        replace(base, initialisation="oracle-placebo"),
        replace(base, source_languages=("avel", "brin")),
        replace(base, intermediate=()),
        replace(base, intermediate=(mixture, mixture)),
        replace(base, intermediate=(replace(mixture, rows_cap=100),)),
        *(
            replace(base, target=replace(base.target, **{name: value}))
            for name, value in (
                ("learning_rate", 1e-4),
                ("steps", 7),
                ("rows_per_step", 4),
                ("warmup_share", 0.2),
                ("weight_decay", 0.0),
                ("beta2", 0.98),
                ("clip_norm", 0.5),
            )
        ),
    ]
    ids = [setting.setting_id for setting in (base, *others)]
    assert all(first != second for first, second in itertools.combinations(ids, 2))
    twice = replace(base, source_languages=("brin", "avel", "brin"))
    assert twice.setting_id == others[1].setting_id


def test_phases_of_a_trial_in_order() -> None:
    """Initialisation, each mixture of the chain, the target's recipe, the evaluation."""
    record, setting = study(), setting_of("oracle", steps=5)
    chain = (*setting.intermediate, replace(setting.intermediate[0], rows_cap=9))
    longer = replace(setting, intermediate=chain)
    phases = trial_phases(record.frozen, "xnli", longer, record.seeds)
    assert [phase.kind for phase in phases] == [
        "initialisation",
        "intermediate",
        "intermediate",
        "target",
        "evaluation",
    ]
    assert [phase.title for phase in phases[1:]] == [
        "nli:esho",
        "nli:esho",
        "xnli:avel",
        "xnli in 8 languages",
    ]
    assert [rows.cap for phase in phases[1:3] for rows in phase.rows] == [None, 9]
    assert phases[3].optimisation == setting.target and phases[3].rows[0].split == "train"
    assert {rows.split for rows in phases[4].rows} == {"dev"}
    assert [rows.language for rows in phases[4].rows] == list(CODES)
    assert [phases[n].parent for n in range(1, 5)] == [phase.key for phase in phases[:4]]


def test_rows_that_no_study_froze_are_refused() -> None:
    """A setting outside the frozen rows fails by name instead of drawing other rows."""
    frozen = Frozen(catalogue=ORACLE, revisions={row_name("nli", "esho", "train"): "r"}, dtype="")
    assert frozen.rows(Part(task="nli", language="esho"), "train", 3).rows_seed == 3
    with pytest.raises(KeyError, match="nli/fanu/train"):
        frozen.rows(Part(task="nli", language="fanu"), "train", 3)


def test_scored_languages_always_hold_the_dev_language() -> None:
    """A plan's own list of languages is in the target's order, and its dev language stays in."""
    row = ORACLE.tasks["xnli"]
    assert scored_languages(ORACLE, row, "all") == list(CODES)
    assert scored_languages(ORACLE, row, ("hatu", "brin")) == ["avel", "brin", "hatu"]


def test_seen_flags_by_hand() -> None:
    """Seen as a source, in an intermediate, and in an intermediate of the target's own skill."""
    setting = setting_of("oracle", "qa")
    expected = {"avel": (True, False, False), "esho": (False, True, False), "fanu": (False,) * 3}
    for language, flags in expected.items():
        found = seen_flags(ORACLE, setting, "xnli", language)
        assert tuple(found.values()) == flags
    assert seen_flags(ORACLE, setting, "xquad", "esho")["seen_skill"] is True


def test_golden_keys() -> None:
    """Names of fixed trials never move by accident.

    Regenerate with ``python -m tests.worlds``, only together with a raised version in
    ``spaces.phases.PHASE_VERSIONS`` (or ``WORLD_VERSION``): stores hold results under these names.
    """
    assert golden_keys() == json.loads(GOLDEN.read_text())["keys"]
