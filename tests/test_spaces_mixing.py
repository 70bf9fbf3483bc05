"""Mixtures and chains: canonical form, proportions, limits, and what is infeasible."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spaces.axes import mixtures_of, shapes
from spaces.candidates import licence_mistakes
from spaces.catalogue import Catalogue
from spaces.enumeration import bounded, chains, grid
from spaces.keys import canonical
from spaces.mistakes import PlanError
from spaces.mixing import UNITS, by_size, by_weight, simplex, weights_of, with_masked
from spaces.phases import trial_phases
from spaces.plan import Plan, UserTask, parse_plan
from spaces.settings import Mixture, Optimisation, Part
from spaces.suggest import Space
from tests.worlds import plan, study
from trainables.batches import RowOrder

OPTIMISATION = Optimisation(learning_rate=1e-3, steps=10)

PAIRS = [(task, code) for task in ("nli", "qa") for code in ("esho", "fanu")]

sizes_of_parts = st.dictionaries(
    st.tuples(st.sampled_from("abcdefgh"), st.just("x")),
    st.integers(1, 10**6),
    min_size=1,
    max_size=8,
)


def mixed(**mixture: Any) -> Space:
    """The space of xnli with a table of mixtures."""
    table = {"tasks": ["nli", "qa"], "languages": ["esho", "non_european"], **mixture}
    return Space.of(plan(space={"mixture": table}), "xnli")


# Proportions


@given(sizes_of_parts, st.sampled_from([0.5, 1.0, 2.0, 5.0, 100.0]), st.none() | st.just(5000))
def test_proportions_by_size_follow_the_formula(
    sizes: dict[tuple[str, str], int], temperature: float, cap: int | None
) -> None:
    """P ~ min(n, cap)^(1/T), to a thousandth where no part is lifted to the least share."""
    shares = by_size(sizes, temperature, cap)
    assert sum(shares.values()) == 1 and min(shares.values()) >= Fraction(1, UNITS)
    scaled = {p: min(n, cap or n) ** (1 / temperature) for p, n in sizes.items()}
    for pair, share in shares.items():
        # Each part's least thousandth comes off the others.
        assert abs(float(share) - scaled[pair] / sum(scaled.values())) <= (len(sizes) + 1) / UNITS
    weights = weights_of(shares)
    assert math.gcd(*weights.values()) == 1


def test_proportions_by_hand() -> None:
    """100 and 300 rows: a quarter at T=1; 1 to 1.732 at T=2; alike under a cap of 100."""
    sizes = {("a", "x"): 100, ("b", "x"): 300}
    assert weights_of(by_size(sizes, 1.0)) == {("a", "x"): 1, ("b", "x"): 3}
    assert weights_of(by_size(sizes, 2.0)) == {("a", "x"): 183, ("b", "x"): 317}
    assert weights_of(by_size(sizes, 1.0, cap=100)) == {("a", "x"): 1, ("b", "x"): 1}


def test_a_low_temperature_is_no_overflow() -> None:
    """MNLI's rows to the power of 100 are no float; all but the largest part have the least."""
    weights = weights_of(by_size({("a", "x"): 392_702, ("b", "x"): 300}, 0.01))
    assert weights == {("a", "x"): UNITS - 1, ("b", "x"): 1}


def test_masked_text_takes_its_share_off_all_others() -> None:
    """A fifth of the rows, split over two languages; the rest stays 1:3."""
    shares = by_weight([[("a", "x")], [("b", "x")]], [1, 3])
    mixed_in = with_masked(shares, [("mlm", "x"), ("mlm", "y")], 0.2)
    assert weights_of(mixed_in) == {
        ("a", "x"): 2, ("b", "x"): 6, ("mlm", "x"): 1, ("mlm", "y"): 1
    }  # fmt: skip
    assert with_masked(shares, [("mlm", "x")], 0.0) == shares


@given(st.integers(1, 4), st.integers(1, 12))
def test_a_simplex_holds_every_point_once(parts: int, units: int) -> None:
    """C(units-1, parts-1) points, each of positive weights in lowest terms, none twice."""
    points = [*simplex(parts, units)]
    assert len(points) == math.comb(units - 1, parts - 1)
    assert len(set(points)) == len(points)
    assert all(min(p) > 0 and math.gcd(*p) == 1 and units % sum(p) == 0 for p in points)


@settings(deadline=None)
@given(sizes_of_parts, st.sampled_from([1.0, 3.0]), st.integers(0, 99), st.integers(1, 40))
def test_rows_are_drawn_in_proportion_wherever_a_phase_resumes(
    sizes: dict[tuple[str, str], int], temperature: float, seed: int, rows: int
) -> None:
    """A block holds each part by its weight; a step's rows do not depend on where one begins."""
    weights = tuple(weights_of(by_size(sizes, temperature)).values())
    order = RowOrder(seed, tuple(sizes.values()), weights, rows)
    steps = math.ceil(sum(weights) / rows)
    drawn = np.concatenate([order.step(step) for step in range(steps)])[: sum(weights)]
    assert tuple(np.bincount(drawn[:, 0], minlength=len(weights))) == weights
    last = RowOrder(seed, tuple(sizes.values()), weights, rows).step(steps - 1)
    assert (last == order.step(steps - 1)).all()


# Canonical form


parts_of_mixtures = st.lists(
    st.tuples(st.sampled_from(PAIRS), st.integers(1, 20)), min_size=1, unique_by=lambda p: p[0]
)


@given(parts_of_mixtures, st.randoms(), st.integers(1, 5))
def test_equal_mixtures_have_one_form(
    parts: list[tuple[tuple[str, str], int]], random: Any, factor: int
) -> None:
    """Neither the order of parts nor the unit of their weights matters."""

    def made(parts: list[tuple[tuple[str, str], int]], factor: int = 1) -> Mixture:
        found = [Part(task=t, language=c, weight=w * factor) for (t, c), w in parts]
        return Mixture(parts=tuple(found), optimisation=OPTIMISATION)

    shuffled = random.sample(parts, len(parts))
    assert canonical(made(parts)) == canonical(made(shuffled, factor))


def test_a_limit_on_the_whole_is_one_on_each_where_parts_weigh_alike() -> None:
    """600 rows of two languages are 300 of each; by weight 1:3 they are 150 and 450."""
    alike = tuple(Part(task="nli", language=code) for code in ("esho", "fanu"))
    of_all = Mixture(parts=alike, optimisation=OPTIMISATION, rows_total=600)
    assert of_all == Mixture(parts=alike, optimisation=OPTIMISATION, rows_cap=300)
    unlike = (Part(task="nli", language="esho"), Part(task="nli", language="fanu", weight=3))
    shared = Mixture(parts=unlike, optimisation=OPTIMISATION, rows_total=600)
    assert [shared.cap_of(part) for part in shared.parts] == [150, 450]


def test_a_limit_that_nothing_reaches_is_none() -> None:
    """It would only give the same rows another name."""
    space = mixed(rows_caps=[500, 5000])
    values = next(v for v in grid(space) if v.get("arm") == "intermediate")
    assert space.size_of(("nli", "esho")) is None  # the oracle has no rows
    sized = Space.of(space.plan, "xnli", sizes={"nli/esho/train": 800})
    caps = {
        cap: sized.chain({**values, "mixture.rows_cap": cap})[0].rows_cap for cap in (500, 5000)
    }
    assert caps == {500: 500, 5000: None}


@given(
    st.lists(st.tuples(st.integers(1, 6), st.none() | st.integers(1, 60)), min_size=2, max_size=4),
    st.none() | st.integers(1, 70),
    st.none() | st.integers(1, 200),
)
@example(parts=[(3, 17), (4, 1), (6, 33)], cap=None, total=72)
@example(parts=[(1, 60), (6, 60)], cap=None, total=1)
def test_limits_that_read_the_same_rows_are_one_limit(
    parts: list[tuple[int, int | None]], cap: int | None, total: int | None
) -> None:
    """Of two ways to limit a mixture, those that leave it the same rows have one form."""
    sizes = {("nli", str(n)): size for n, (_, size) in enumerate(parts)}
    made = tuple(Part(task="nli", language=str(n), weight=w) for n, (w, _) in enumerate(parts))

    def limited(cap: int | None, total: int | None) -> Mixture:
        plain = Mixture(parts=made, optimisation=OPTIMISATION, rows_cap=cap, rows_total=total)
        return plain.without_idle_limits(sizes.get)

    def read(mixture: Mixture) -> list[int]:
        limits = [(mixture.cap_of(p), sizes["nli", p.language]) for p in mixture.parts]
        return [min((n for n in both if n is not None), default=0) for both in limits]

    one = limited(cap, total)
    plain = Mixture(parts=made, optimisation=OPTIMISATION, rows_cap=cap, rows_total=total)
    assert read(one) == read(plain)
    for more in (0, 1, 2):
        other = limited(cap and cap + more, total and total + more)
        if read(other) == read(one) and None not in sizes.values():
            assert other == one


@pytest.mark.parametrize(
    ("rows_cap", "rows_total"), [(None, 400), (None, 401), (500, 400), (300, None), (300, 9000)]
)
def test_a_limit_that_another_makes_idle_is_none(
    rows_cap: int | None, rows_total: int | None
) -> None:
    """1:3 of 50 rows and many: 300 of the many, however that is said."""
    parts = (Part(task="nli", language="esho"), Part(task="nli", language="fanu", weight=3))
    sizes = {("nli", "esho"): 50, ("nli", "fanu"): 1000}
    made = Mixture(parts=parts, optimisation=OPTIMISATION, rows_cap=rows_cap, rows_total=rows_total)
    limited = made.without_idle_limits(sizes.get)
    assert (limited.rows_cap, limited.rows_total) == (300, None)


@pytest.mark.parametrize(
    ("most", "order", "expected"),
    [
        (1, ["joint"], ["A"]),
        (2, ["joint"], ["A", "A+B"]),
        (2, ["sequence"], ["A", "A>B"]),
        (2, ["joint", "sequence"], ["A", "A+B", "A>B"]),
        (3, ["sequence", "joint"],
         ["A", "A>B", "A+B", "A>B>C", "A>B+C", "A+B>C", "A+B+C"]),
    ],
)  # fmt: skip
def test_shapes(most: int, order: list[str], expected: list[str]) -> None:
    """Every way to put up to so many parts together or one after the other."""
    assert list(shapes(most, order)) == expected


def test_a_shape_is_a_chain_of_mixtures() -> None:
    """``>`` parts mixtures, ``+`` their parts."""
    assert mixtures_of("A+B>C") == [["A", "B"], ["C"]]


# Settings and keys


def test_joint_knows_no_order_and_a_sequence_does() -> None:
    """A+B is B+A; A>B and B>A are two settings, and both start with a phase that is shared."""
    space = mixed(max_parts=2, order=["joint", "sequence"])
    base = next(v for v in grid(space) if v.get("arm") == "intermediate")

    def made(shape: str, a: str, b: str) -> tuple[Mixture, ...]:
        values = {"mixture.shape": shape, "mixture.A": f"{a}:esho", "mixture.B": f"{b}:esho"}
        return space.chain({**base, **values})

    assert made("A+B", "nli", "qa") == made("A+B", "qa", "nli")
    assert made("A>B", "nli", "qa") != made("A>B", "qa", "nli")
    assert made("A>B", "nli", "qa")[0] == made("A", "nli", "nli")[0]
    assert made("A+B", "nli", "nli") == made("A", "nli", "qa")  # one part in two slots is one
    assert str(made("A+B", "nli", "qa")[0]) == "nli:esho & qa:esho"


def test_a_sequence_shares_its_beginning() -> None:
    """The phase of A is the same artifact in A and in A>B; that of B after A is another."""
    table = {"tasks": ["nli", "qa"], "languages": ["esho"], "max_parts": 2, "order": ["sequence"]}
    record = study(space={"mixture": table})
    space = record.spaces["xnli"]
    keys = {}
    for values in grid(space):
        setting = space.setting(values)
        phases = trial_phases(record.frozen, "xnli", setting, record.seeds)
        keys[setting.intermediate_name] = [p.key for p in phases if p.kind == "intermediate"]
    assert keys["nli:esho > qa:esho"][0] == keys["nli:esho"][0]
    assert keys["nli:esho > qa:esho"][1] != keys["qa:esho"][0]
    assert len({tuple(found) for found in keys.values()}) == len(keys) == 7  # none, A, B, 4 of two


def test_every_combination_is_counted_once() -> None:
    """The number of distinct settings is that of distinct ids over the whole grid."""
    tables = (
        {"max_parts": 2, "order": ["joint", "sequence"], "weight_step": 0.25},
        {"max_parts": 2, "temperatures": [1.0, 3.0], "caps": [100]},
        {"max_parts": 3, "rows_totals": [100, 300]},
    )
    for table in tables:
        space = mixed(languages=["esho", "fanu"], **table)
        sizes = {f"{t}/{c}/train": 100 * n for n, (t, c) in enumerate(PAIRS, start=1)}
        space = Space.of(space.plan, "xnli", sizes=sizes)
        ids = [space.setting(values).setting_id for values in grid(space)]
        assert len(set(ids)) == len(ids)
        assert bounded(space) == (len(ids), True)
        assert len(chains(space) or ()) == len(ids) - 1  # and the one without an intermediate


def test_proportions_by_size_need_sizes() -> None:
    """Weighing by size parts that nobody counted is refused, and says what would help."""
    space = mixed(max_parts=2, temperatures=[1.0])
    values = {
        "arm": "intermediate",
        "mixture.shape": "A+B",
        "mixture.A": "nli:esho",
        "mixture.B": "qa:esho",
        "intermediate.learning_rate": 1e-3,
        "intermediate.steps": 10,
    }
    with pytest.raises(ValueError, match=r"nli:esho.*train_rows"):
        space.chain(values)
    sized = Space.of(space.plan, "xnli", sizes={"nli/esho/train": 100, "qa/esho/train": 300})
    assert [part.weight for part in sized.chain(values)[0].parts] == [1, 3]


def test_languages_of_an_entry_may_stand_in_the_plan() -> None:
    """A list inside the list is one entry, named by its codes."""
    space = mixed(languages=["esho", ["brin", "esho"]])
    assert "nli:brin+esho" in space.candidates.parts
    pairs = (("nli", "brin"), ("nli", "esho"))
    assert space.candidates.parts["nli:brin+esho"] == pairs


def test_masked_text_alone_takes_its_own_steps() -> None:
    """Beside a task it shares the task's."""
    own = {"name": "text", "like": "masked", "steps": 42}
    mixture = {"tasks": ["nli", "text"], "languages": ["esho"], "max_parts": 2}
    asked = plan("microworld", space={"mixture": mixture}, task=[own])
    space = Space.of(asked, "xnli")
    values = {"arm": "intermediate", "mixture.B": "text:esho", "intermediate.learning_rate": 1e-3}
    steps = {
        (shape, part): space.chain({**values, "mixture.shape": shape, "mixture.A": f"{part}:esho"})[
            0
        ].optimisation.steps
        for shape, part in (("A", "text"), ("A", "nli"), ("A+B", "nli"))
    }
    assert steps["A", "text"] == 42
    assert steps["A+B", "nli"] == steps["A", "nli"] == space.reference("intermediate").steps


# Infeasible candidates


def test_candidates_that_mean_the_same_stand_once() -> None:
    """A group of one language is that language; the first in the plan names it."""
    group = {"name": "mine", "languages": ["esho"]}
    table = {"tasks": ["nli"], "languages": ["esho", "mine"]}
    space = Space.of(plan(space={"mixture": table}, language_group=[group]), "xnli")
    assert list(space.candidates.parts) == ["nli:esho"]
    refused = {one.candidate: one.reason for one in space.candidates.infeasible}
    assert refused == {"nli:mine": "the same as nli:esho"}


def test_a_reserved_language_stays_in_the_objective() -> None:
    """What supervises it in the target's skill is infeasible for this target, and for no other."""
    table = {"tasks": ["nli", "qa"], "languages": ["esho", "fanu"]}
    tables = {
        "targets": {"tasks": ["xnli", "xquad"], "reserve": ["esho"]},
        "space": {"mixture": table},
    }
    record = study(**tables)
    xnli, xquad = record.spaces["xnli"], record.spaces["xquad"]
    assert list(xnli.candidates.parts) == ["nli:fanu", "qa:esho", "qa:fanu"]
    assert list(xquad.candidates.parts) == ["nli:esho", "nli:fanu", "qa:fanu"]
    refused = xnli.candidates.infeasible[0]
    assert refused.candidate == "nli:esho" and "reserved" in refused.reason
    assert "esho" in record.cuts["xnli"].objective and "fanu" not in record.cuts["xnli"].objective
    before = study(space={"mixture": table})
    assert "esho" not in before.cuts["xnli"].objective
    assert record.infeasible["xnli"] == {refused.candidate: refused.reason}


def test_nothing_feasible_is_a_mistake() -> None:
    """A target that is left without candidates is named, with the reason of each."""
    wanted = plan(targets={"reserve": ["esho"]})
    with pytest.raises(PlanError, match=r"nli:esho: supervises esho in 'nli', which is reserved"):
        Space.of(wanted, "xnli")


def test_source_languages_without_rows_are_infeasible_for_that_target_alone() -> None:
    """One target has rows in two languages, the other in the hub's alone."""
    own = {"name": "xnli", "like": "xnli", "train_languages": ["avel", "brin"]}
    tables = {
        "targets": {"tasks": ["xnli", "xquad"]},
        "space": {"source_languages": [["avel"], ["brin"], ["avel", "brin"]]},
        "task": [own],
    }
    record = study(**tables)
    assert record.spaces["xnli"].axis("source_languages").choices == ("avel", "brin", "avel+brin")
    assert record.spaces["xquad"].axis("source_languages").choices == ("avel",)
    reasons = [one.reason for one in record.spaces["xquad"].candidates.infeasible]
    assert reasons == ["no training rows of 'xquad' in brin"] * 2


def test_commercial_use_leaves_out_what_does_not_allow_it() -> None:
    """A candidate without such a licence is infeasible; what a plan needs is a mistake."""
    own = {"name": "own", "path": "/nowhere", "commercial": True}

    def asked(target: str, initialisation: dict[str, Any]) -> Plan:
        return parse_plan(
            {
                "study": {"name": "s", "seed": 1},
                "targets": {"tasks": [target]},
                "data": {"source": "/nowhere"},
                "space": {
                    "initialisations": ["own"],
                    "commercial_only": True,
                    "mixture": {"tasks": ["ocnli", "klue_nli"], "languages": ["zh", "ko"]},
                },
                "budget": {"trials_per_target": 9},
                "initialisation": [initialisation],
            }
        )

    plan_ = asked("xnli", own)
    catalogue = Catalogue.for_plan(plan_)
    found = Space.of(plan_, "xnli", catalogue).candidates
    assert list(found.parts) == ["klue_nli:ko"]
    reasons = {one.candidate: one.reason for one in found.infeasible}
    assert "CC-BY-NC-2.0" in reasons["ocnli:zh"]
    assert not list(licence_mistakes(plan_, catalogue))  # MNLI may be used
    with_udpos = asked("udpos", {"name": "own", "path": "/nowhere"})
    wrong = [str(m) for m in licence_mistakes(with_udpos, Catalogue.for_plan(with_udpos))]
    assert len(wrong) == 2 and "'udpos' trains 'udpos'" in wrong[0] and "not stated" in wrong[1]
    text = {"name": "text", "like": "wikipedia_text", "licence": "mine", "commercial": False}
    masked = {"mlm_shares": (0.1,), "mlm_task": "text", "mlm_languages": "en"}
    mixture = plan_.space.mixture.model_copy(update=masked)  # type: ignore[union-attr]
    space = plan_.space.model_copy(update={"mixture": mixture})
    beside = plan_.model_copy(update={"space": space, "task": (UserTask(**text),)})
    wrong = [str(m) for m in licence_mistakes(beside, Catalogue.for_plan(beside))]
    assert len(wrong) == 1 and "'text' is the masked text" in wrong[0] and "mine" in wrong[0]


# Listed chains


def test_a_plan_may_list_its_chains() -> None:
    """Each is one choice; those with an infeasible part are left out, with that part's reason."""
    listed = ["nli:esho", "nli:esho + qa:brin+esho", "nli:esho > qa:esho", "nli:fanu"]
    table = {"chains": listed}
    targets = {"reserve": ["fanu"]}
    space = Space.of(plan(targets=targets, space={"mixture": table}), "xnli")
    assert space.axis("mixture.chain").choices == tuple(listed[:3])
    assert [one.candidate for one in space.candidates.infeasible] == ["nli:fanu"]
    names = [space.setting(values).intermediate_name for values in grid(space)]
    assert names == ["none", "nli:esho", "nli:eshox2 & qa:brin+esho", "nli:esho > qa:esho"]
    joint = space.chain(next(v for v in grid(space) if v.get("mixture.chain") == listed[1]))[0]
    weights = {str(part.task + part.language): part.weight for part in joint.parts}
    assert weights == {"nliesho": 2, "qabrin": 1, "qaesho": 1}  # candidates weigh alike


def test_a_listed_chain_may_call_a_part_by_another_name() -> None:
    """A group of one language is that language, and both names are good in a chain."""
    group = {"name": "mine", "languages": ["esho"]}
    table = {"chains": ["nli:esho", "nli:mine > qa:mine"]}
    space = Space.of(plan(space={"mixture": table}, language_group=[group]), "xnli")
    names = [space.setting(values).intermediate_name for values in grid(space)]
    assert names == ["none", "nli:esho", "nli:esho > qa:esho"]
    reserved = {"targets": {"reserve": ["esho"]}, "language_group": [group]}
    with pytest.raises(PlanError, match="one feasible candidate"):
        Space.of(plan(space={"mixture": table}, **reserved), "xnli")


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"chains": ["nli:esho"], "tasks": ["nli"], "languages": ["esho"]}, "either chains"),
        ({"tasks": ["nli"]}, "go together"),
        ({"chains": ["nli"]}, "is no chain"),
        (
            {"chains": ["nli:esho + qa:esho + nli:fanu"], "weight_step": 0.5},
            "too coarse for mixtures",
        ),
        ({"chains": ["nli:esho+qa:esho >"]}, "is no chain"),
        ({"chains": ["nly:esho"]}, 'did you mean "nli"'),
        ({"chains": ["nli:eshoo"]}, 'did you mean "esho"'),
        ({"chains": ["nli:corm"]}, "languages with rows: avel"),
        ({"tasks": ["nli"], "languages": ["esho"], "caps": [10]}, "give temperatures"),
        ({"tasks": ["nli"], "languages": ["esho"], "weight_step": 0.3}, "1/2, 1/3"),
        ({"tasks": ["nli"], "languages": ["esho"], "mlm_shares": [0.1]}, "needs mlm_task"),
        ({"tasks": ["nli"], "languages": ["esho"], "mlm_shares": [0.9999]}, "0.999"),
        ({"tasks": ["nli"], "languages": ["esho"], "mlm_shares": [1e-4]}, "at least 0.001"),
    ],
)
def test_mixtures_that_cannot_be(table: dict[str, Any], expected: str) -> None:
    """Each is refused with the rule that it breaks."""
    with pytest.raises(PlanError) as caught:
        Space.of(plan(space={"mixture": table}), "xnli")
    assert expected in str(caught.value)
