"""The small study of the analysis tests; its numbers are worked out here.

Target xnli of the oracle world (xcopa has not begun), seed 7:

    0  no intermediate                   COMPLETE  60.0
    1  qa:esho                           COMPLETE  66.5   paired 66.5 - 60 = 6.5, tuned 4.5
    2  no intermediate, equal tokens     COMPLETE  62.0   the best without an intermediate
    3  nli:fanu                          PRUNED at step 30, where it stood at 61.0
    4  qa:fanu                           FAIL
    5  nli:esho                          RUNNING, its intermediate phase done
    6  never asked                       WAITING
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from optuna import create_study
from optuna.distributions import CategoricalDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial

from spaces.catalogue import Catalogue
from spaces.layout import PhasePaths, StudyPaths, write_json
from spaces.phases import trial_phases
from spaces.plan import parse_plan
from spaces.selection import make_cut
from spaces.study import StudyRecord
from spaces.suggest import Space, baselines

COST = {"initialisation": (0, 0, 2.0), "intermediate": (150, 9000, 30.0)}
COST |= {"target": (60, 3600, 12.0), "evaluation": (0, 800, 1.5)}


class World:
    """A study on disk, built by hand."""

    def __init__(self, root: Path, name: str = "small", seed: int = 7) -> None:
        plan = parse_plan(
            {
                "study": {"name": name, "seed": seed, "selection": "held_out_languages"},
                "targets": {"tasks": ["xnli", "xcopa"]},
                "data": {"source": "oracle"},
                "space": {
                    "initialisations": ["oracle-text"],
                    "source_languages": [["avel"]],
                    "mixture": {"tasks": ["qa", "nli"], "languages": ["esho", "fanu"]},
                },
                "budget": {"trials_per_target": 12},
            }
        )
        rows = [f"{task}/{c}/train" for task in ("qa", "nli", "xnli") for c in ("avel", "esho")]
        rows += ["qa/fanu/train", "nli/fanu/train"]
        catalogue = Catalogue.for_plan(plan)
        self.languages = catalogue.tasks["xnli"].languages
        rows += [f"xnli/{code}/dev" for code in self.languages]
        spaces = {target: Space.of(plan, target, catalogue) for target in plan.targets.tasks}
        self.record = StudyRecord(
            plan=plan,
            revisions=dict.fromkeys([*rows, "oracle-text"], "r1"),
            cuts={t: make_cut(space, self.languages) for t, space in spaces.items()},
        )
        self.root, self.name, self.paths = root, name, StudyPaths(root, name)
        self.record.write(self.paths)
        self.storage = JournalStorage(JournalFileBackend(str(self.paths.journal)))

    def setting(self, arm: str, tasks: str = "qa", language: str = "esho"):
        """A setting of an arm at the reference hyperparameters."""
        params = {**baselines(self.record.spaces["xnli"])[1], "arm": arm}
        params |= {"mixture.A": f"{tasks}:{language}"}
        return self.record.spaces["xnli"].setting(params)

    def phases(self, setting):
        """The phases of a setting on xnli."""
        return trial_phases(self.record.frozen, "xnli", setting, self.record.seeds)

    def execute(
        self, phase, number: int, study: str = "", mark: str = "done.json", **more: Any
    ) -> None:
        """Put an execution of a phase into the store; ``more`` is what else it says of itself."""
        steps, tokens, seconds = COST[phase.kind]
        author = {"study": study or self.name, "target": "xnli", "trial_number": number}
        about = {"kind": phase.kind, "title": phase.title, "parent": phase.parent}
        costs = {"steps": steps, "tokens": tokens, "seconds": seconds}
        folder = PhasePaths(self.root, phase.key).folder
        record = {"attempt": "a", "files": {}, "provenance": author | about | costs | more}
        write_json(folder / mark, record)

    def record_of(self, setting, score: float, hits: tuple[str, ...]):
        """What a trial with this score writes down; kinds in ``hits`` came from the store."""
        halves = {"all": 0.0, "selecting": 1.0, "reported": -1.0}
        return {
            "scores": [
                {"language": code, "split": "dev", "items": items, "metric": "accuracy"}
                | {"value": score + place + shift, "rows": 100}
                for place, code in enumerate(self.languages)
                for items, shift in halves.items()
            ],
            "phases": [
                {"key": p.key, "kind": p.kind, "parent": p.parent, "title": p.title}
                | {"hit": p.kind in hits, "steps": COST[p.kind][0], "tokens": COST[p.kind][1]}
                | {"seconds": COST[p.kind][2]}
                for p in self.phases(setting)
            ],
            "reported_score": score - 2.5,
        }

    def add(self, state: str, tried=None, score=None, hits=(), reports=None, **attrs) -> None:
        """Add a trial to xnli as the driver would have left it."""
        if tried is not None:
            phases = [
                {"key": p.key, "kind": p.kind, "parent": p.parent, "title": p.title}
                for p in self.phases(tried)
            ]
            known = {"setting": asdict(tried), "setting_id": tried.setting_id}
            attrs = {**known, "role": "sampled", "attempts": 1, "phases": phases} | attrs
        if state == "COMPLETE":
            attrs["record"] = self.record_of(tried, score, hits)
        study = create_study(
            storage=self.storage,
            study_name=self.record.optuna_name("xnli"),
            direction="maximize",
            load_if_exists=True,
        )
        study.add_trial(
            create_trial(
                state=TrialState[state],
                value=score,
                params={"arm": "none"},
                distributions={"arm": CategoricalDistribution(["none", "intermediate"])},
                user_attrs=attrs,
                intermediate_values=reports or {},
            )
        )


def small_study(root: Path) -> World:
    """The study of the module's docstring."""
    world = World(root)
    plain, longer = world.setting("none"), world.setting("equal_tokens")
    qa, running = world.setting("intermediate"), world.setting("intermediate", "nli")
    world.add("COMPLETE", plain, 60.0, hits=("initialisation",), role="baseline")
    # Interrupted after its intermediate phase: it found its own work in the store and says "hit".
    found = ("initialisation", "intermediate")
    world.add("COMPLETE", qa, 66.5, hits=found, reports={60: 66.5, 30: 55.0}, attempts=2)
    world.add("COMPLETE", longer, 62.0, hits=("initialisation",), role="baseline")
    pruned = world.setting("intermediate", "nli", "fanu")
    world.add("PRUNED", pruned, 61.0, reports={30: 61.0}, pruned_step=30)
    reason = "rank 0: out of memory\nTraceback ..."
    world.add("FAIL", world.setting("intermediate", "qa", "fanu"), reason=reason)
    world.add("RUNNING", running)
    world.add("WAITING")
    world.execute(world.phases(plain)[0], 3, study="older")
    for number, setting in enumerate((plain, qa, longer)):
        for phase in world.phases(setting)[1:]:
            world.execute(phase, number)
    world.execute(world.phases(running)[1], 5)
    return world
