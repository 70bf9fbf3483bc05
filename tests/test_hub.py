"""The hub as a source, against a stand-in on this machine; the live hub is never asked."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load, save

from spaces.catalogue import Catalogue
from spaces.hub import Repository, at_commit, checkpoint
from spaces.mistakes import PlanError
from spaces.phases import Rows
from spaces.plan import parse_plan
from tests.hub_server import Hub, serving
from tests.hub_world import (
    CODES,
    Child,
    Said,
    card,
    child,
    model_files,
    nli_parquet,
    plan_tables,
    push_mnli,
    push_model,
    push_scripted,
    push_xnli,
)
from tests.plans import contents, to_toml
from tests.test_trainables_folder import DATA
from tests.towers import Touch, open_clip, pickled, tiny_bases
from tests.worlds import plan_values
from trainables.checkpoints.layouts import UNSUPPORTED
from trainables.sources.folder import Folder
from trainables.sources.real import RealSource

TRIAL = """
from pathlib import Path
from search.driver import prepare
from spaces.layout import StudyPaths
from spaces.settings import Mixture, Optimisation, Part, TransferSetting
from spaces.study import read_study
from trainables import TrialRequest, run_trial, world_for

root = Path(given["root"])
if given.get("plan"):
    record, _ = prepare(given["plan"], root)
    record.write(StudyPaths(root, record.name))
record = read_study(root, "hubbed")
optimisation = Optimisation(learning_rate=1e-3, steps=3, rows_per_step=4)
mixture = Mixture(parts=(Part(task="old", language="en"),), optimisation=optimisation)
setting = TransferSetting(initialisation="tiny", source_languages=("en",), target=optimisation,
                          intermediate=(mixture,) if given.get("intermediate") else ())
request = TrialRequest(root=root, record=record, target="xnli", setting=setting)
final = list(run_trial(request, world_for(record, root)))[-1]
value = [final["event"], final["score"], [phase.key for phase in request.phases]]
"""
"""A trial of a plan's study, or of one that is there; its score and keys."""

FREEZE = """
from search.driver import prepare
record, growth = prepare(given["plan"], given["root"])
value = [record.revisions, record.plan.data.commits, growth]
"""


@dataclass
class World:
    """One owner's repositories on the stand-in, a process that asks it, and plans."""

    hub: Hub
    child: Child
    owner: str
    folder: Path
    commits: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """The repositories of ``plan_tables``."""
        own = f"{self.owner}/"
        self.commits = {
            f"{own}tiny": push_model(self.hub, f"{own}tiny"),
            f"datasets/{own}xnli": push_xnli(self.hub, f"{own}xnli"),
            f"datasets/{own}mnli": push_mnli(self.hub, f"{own}mnli"),
            f"datasets/{own}old@refs/convert/parquet": push_scripted(self.hub, f"{own}old"),
        }

    def plan(self, changes: dict[str, Any] | None = None, **data: Any) -> Path:
        """A plan's file: the tables of ``plan_tables``, some of them replaced."""
        file = self.folder / "plan.toml"
        file.write_text(to_toml({**plan_tables(self.owner, **data), **(changes or {})}))
        return file

    def fetch(self, plan: Path | None = None) -> Said:
        """The command, with a root of the world's own."""
        return self.child("fetch", plan or self.plan(), "--root", self.folder)

    def check(self, plan: Path) -> Said:
        """A dry run of a plan."""
        return self.child("start", plan, "--dry-run", "--root", self.folder)

    def start(self, plan: Path) -> Said:
        """A start of a plan, which never gets as far as a cluster."""
        return self.child("start", plan, "--root", self.folder)

    def asked_while(self, call: Any) -> tuple[Any, list[str]]:
        """What a call returns, and what the hub was asked in the meantime."""
        before = len(self.hub.asked)
        return call(), self.hub.asked[before:]


@pytest.fixture(scope="module")
def hub() -> Hub:
    """The stand-in's repositories: each test has an owner of its own."""
    return Hub()


@pytest.fixture(scope="module")
def asking(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """A process that knows the stand-in as the hub; importing the libraries takes it seconds."""
    with serving(hub) as address, child(address, tmp_path_factory.mktemp("hf")) as process:
        yield process


@pytest.fixture
def world(hub: Hub, asking: Child, tmp_path: Path, request: pytest.FixtureRequest) -> World:
    """Repositories, none of them fetched."""
    return World(hub, asking, f"owner{len(hub.commits)}", tmp_path)


def test_fetch_brings_what_a_plan_needs_and_an_offline_trial_runs(world: World) -> None:
    """After ``fetch`` a trial with an intermediate phase trains without a word to the hub."""
    said, asked = world.asked_while(world.fetch)
    assert said.code == 0, said.err
    for name, commit in world.commits.items():
        (line,) = [line for line in said.out.splitlines() if line.startswith(f"{name} ")]
        assert commit[:12] in line
    assert "cc-by-nc-4.0" in said.out and "apache-2.0" in said.out  # as the cards say
    assert "Apache-2.0 (revisions)" in said.out  # the converted branch has no card
    brought = [line.rpartition("/")[2] for line in asked if line.startswith("GET /")]
    unneeded = ("pytorch_model.bin", "model.fp16.safetensors", "notes.txt", "old.py")
    assert not set(unneeded) & set(brought)
    assert not [line for line in asked if "/train-" in line and "xnli" in line]

    run = {"plan": str(world.plan(offline=True)), "root": str(world.folder), "intermediate": True}
    (event, score, keys), asked = world.asked_while(lambda: world.child.run(TRIAL, **run))
    assert (event, asked, len(keys)) == ("final", [], 4)
    assert 0 <= score <= 100
    record = json.loads((world.folder / "studies/hubbed/study.json").read_text())
    assert record["plan"]["data"]["commits"] == world.commits
    assert record["revisions"]["tiny"] == world.commits[f"{world.owner}/tiny"]


def test_a_start_brings_what_is_missing_by_itself(world: World) -> None:
    """Online, ``fetch`` is no duty; what has come once is not asked for again."""
    assert world.check(world.plan()).code == 0
    said, asked = world.asked_while(lambda: world.check(world.plan()))
    assert (said.code, asked) == (0, [])


def test_a_resumed_study_reads_its_commits_when_branches_have_moved_on(world: World) -> None:
    """Another commit of rows and weights changes a new study, and nothing of one that has begun."""
    plan, root = str(world.plan()), str(world.folder)
    assert world.fetch().code == 0
    first = world.child.run(TRIAL, plan=plan, root=root)
    frozen = world.child.run(FREEZE, plan=plan, root=root)
    push_xnli(world.hub, f"{world.owner}/xnli", "w9")
    push_mnli(world.hub, f"{world.owner}/mnli", 60)
    renewed = {**model_files(), "notes.txt": b"other notes"}
    world.hub.push("models", f"{world.owner}/tiny", renewed)

    assert world.child.run(FREEZE, plan=plan, root=root) == frozen
    shutil.rmtree(world.folder / "phases")
    assert world.child.run(TRIAL, root=root) == first
    assert world.fetch().code == 0  # brings what the study has frozen
    assert world.child.run(FREEZE, plan=plan, root=f"{root}/other")[1] == frozen[1]
    assert world.child("fetch", plan, "--root", f"{root}/other").code == 0  # no study: the newest
    newer = world.child.run(FREEZE, plan=plan, root=f"{root}/other")
    moved = {name for name in frozen[1] if frozen[1][name] != newer[1][name]}
    assert moved == {name for name in world.commits if not name.endswith("parquet")}
    assert newer[0]["xnli/de/dev"] != frozen[0]["xnli/de/dev"]
    assert world.child.run(FREEZE, plan=plan, root=root) == frozen


@pytest.mark.slow
def test_a_study_whose_cache_is_gone_brings_its_own_commits_again(world: World) -> None:
    """An emptied cache and a branch that moved on: the frozen commit is fetched, not the newest."""
    plan, root = str(world.plan()), str(world.folder)
    first = world.child.run(TRIAL, plan=plan, root=root)
    push_xnli(world.hub, f"{world.owner}/xnli", "w9")
    world.child.run(
        "import shutil; from trainables.hub_cache import cache_folder, _folder;"
        "from spaces.hub import Repository;"
        "shutil.rmtree(cache_folder() / ('datasets--' + given['id'].replace('/', '--')))",
        id=f"{world.owner}/xnli",
    )
    offline = world.check(world.plan(offline=True))
    commit = world.commits[f"datasets/{world.owner}/xnli"]
    assert offline.code == 2 and f"xnli@{commit}: en/validation" in offline.err
    assert world.fetch().code == 0
    shutil.rmtree(world.folder / "phases")
    assert world.child.run(TRIAL, root=root) == first


def test_a_plan_may_name_commits(world: World) -> None:
    """A commit in the plan comes before the branch's; one of an unused repository is a mistake."""
    name = f"datasets/{world.owner}/xnli"
    older = world.commits[name]
    push_xnli(world.hub, f"{world.owner}/xnli", "w9")
    plan = world.plan(commits={name: older})
    revisions, commits, _ = world.child.run(FREEZE, plan=str(plan), root=str(world.folder))
    assert commits[name] == older and older and revisions
    said = world.check(world.plan(commits={f"datasets/{world.owner}/xnil": older}))
    assert said.code == 2 and f'did you mean "{name}"?' in said.err


def test_an_offline_start_lists_all_that_is_missing(world: World) -> None:
    """Every piece stands in one message, with the command that brings them; nobody is asked."""
    for missing in ("never fetched", "gone"):
        plan = world.plan(offline=True)
        said, asked = world.asked_while(lambda plan=plan: world.check(plan))
        assert (said.code, asked) == (2, [])
        parts = [f"{code}/{split}" for code in CODES for split in ("validation", "test")]
        if missing == "gone":
            parts = ["de/test"]
            assert "default/train" not in said.err and "en/test" not in said.err
        else:
            parts += ["checkpoint", "default/train", "plain/train"]
            assert world.fetch().code == 0
        assert all(part in said.err for part in parts), said.err
        assert "transfer-search fetch PLAN.toml" in said.err
        world.child.run(FORGET, id=f"{world.owner}/xnli", piece=["de", "test"])


FORGET = """
import shutil
from spaces.hub import Repository
from trainables.hub_cache import Piece, known_commit, piece_folder
place = Repository("dataset", given["id"])
piece = Piece(place, *given["piece"])
shutil.rmtree(piece_folder(piece, known_commit(place)), ignore_errors=True)
"""


@pytest.mark.slow
def test_the_environment_can_forbid_the_network(hub: Hub, tmp_path: Path) -> None:
    """``HF_HUB_OFFLINE`` is obeyed like the plan's own word."""
    with serving(hub) as address, child(address, tmp_path, HF_HUB_OFFLINE="1") as process:
        world = World(hub, process, f"owner{len(hub.commits)}", tmp_path)
        said, asked = world.asked_while(lambda: world.check(world.plan()))
    assert (said.code, asked) == (2, [])
    assert "HF_HUB_OFFLINE" in said.err and "plain/train" in said.err


def test_a_fetch_that_breaks_off_says_what_is_missing_and_goes_on(world: World) -> None:
    """A hub that hangs up costs what had not come; the rest is there and is not asked for again."""
    broken = "data/train-00001-of-00002.parquet"  # one: huggingface_hub tries each for seconds
    world.hub.breaks = lambda path: path == broken
    try:
        said = world.fetch()
    finally:
        world.hub.breaks = lambda path: False
    assert said.code == 1
    assert "could not be brought (1)" in said.out and "the same command goes on" in said.out
    assert f"datasets/{world.owner}/mnli default/train: " in said.out
    offline = world.check(world.plan(offline=True))
    assert offline.code == 2 and "default/train" in offline.err and "/xnli" not in offline.err
    said, asked = world.asked_while(world.fetch)
    assert said.code == 0
    files = {line.partition("/resolve/")[2].partition("/")[2] for line in asked if "GET" in line}
    assert broken in files
    assert not files & {"model.safetensors", "data/train-00000-of-00002.parquet"}
    assert world.check(world.plan(offline=True)).code == 0


@pytest.mark.slow
def test_a_hub_that_does_not_answer_fails_for_everything(tmp_path: Path) -> None:
    """No server at all: each repository is named, and the exit code is 1 for fetch and start."""
    hub = Hub()
    with serving(hub) as address:
        pass
    with child(address, tmp_path / "hf") as process:
        world = World(hub, process, "nobody", tmp_path)
        fetched, started = world.fetch(), world.start(world.plan())
    assert (fetched.code, started.code) == (1, 1)
    for name in world.commits:
        assert f"{name}: " in fetched.out and f"{name}: " in started.err


def test_scripts_and_foreign_weights_are_refused_together(world: World) -> None:
    """A loading script and weights of another format are named at once, with what to do instead."""
    foreign = {
        "tf_model.h5": b"h5",
        "model.ckpt": b"pickle",
        "config.json": b'{"model_type": "bert"}',
    }
    world.hub.push("models", f"{world.owner}/tiny", foreign)
    tables = plan_tables(world.owner)
    tables["task"][2]["branch"] = "main"
    said, asked = world.asked_while(lambda: world.fetch(world.plan(tables)))
    assert said.code == 1 and "could not be brought (2)" in said.out
    assert f"{world.owner}/tiny has no weights of transformers encoder (model.safeten" in said.out
    assert f"{world.owner}/old is a loading script at 'main'" in said.out
    assert "refs/convert/parquet" in said.out
    assert not [line for line in asked if line.endswith((".h5", ".ckpt", "old.py"))]


def test_a_checkpoint_without_safetensors_is_read_as_tensors_alone(world: World) -> None:
    """``pytorch_model.bin`` is brought, and a trial trains on it without a word to the hub."""
    files = dict(model_files())
    weights = {"pytorch_model.bin": pickled(load(files.pop("model.safetensors")))}
    world.hub.push("models", f"{world.owner}/tiny", {**files, **weights, "tf_model.h5": b"h5"})
    said, asked = world.asked_while(world.fetch)
    assert said.code == 0, said.out
    assert "tf_model.h5" not in {line.rpartition("/")[2] for line in asked}
    run = {"plan": str(world.plan(offline=True)), "root": str(world.folder)}
    (event, score, _), asked = world.asked_while(lambda: world.child.run(TRIAL, **run))
    assert (event, asked) == ("final", []) and 0 <= score <= 100


def test_a_pickle_with_code_is_not_run_when_it_is_brought(world: World) -> None:
    """It is refused by name; the safetensors of another commit would be taken instead."""
    files, mark = dict(model_files()), world.folder / "was-run"
    evil = pickled({**load(files.pop("model.safetensors")), "evil": Touch(mark)})
    world.hub.push("models", f"{world.owner}/tiny", {**files, "pytorch_model.bin": evil})
    said = world.fetch()
    assert said.code == 1 and "could run code" in said.out and "/tiny" in said.out
    assert "checkpoint" in world.check(world.plan(offline=True)).err
    assert not mark.exists()


def test_a_tower_of_open_clip_is_brought_with_what_tells_its_layout(world: World) -> None:
    """No config.json: open_clip's own, the weights and the tokenizer; then its states are there."""
    world.child.run(TINY_BASES)
    made = world.folder / "made"
    with pytest.MonkeyPatch.context() as patch:
        tiny_bases(patch)
        open_clip(made)
    files = {path.name: path.read_bytes() for path in made.iterdir()}
    words = {n: content for n, content in model_files().items() if n.startswith("tokenizer")}
    more = {"model.onnx": b"onnx", "README.md": b"words", "2_Dense/model.safetensors": b"dense"}
    world.hub.push("models", f"{world.owner}/tiny", {**files, **words, **more})
    said, asked = world.asked_while(world.fetch)
    assert said.code == 0, said.out
    brought = {line.rpartition("/")[2] for line in asked if line.startswith("GET /owner")}
    assert brought == {*files, *words}
    told = world.child.run(SHAPE, plan=str(world.plan(offline=True)), root=str(world.folder))
    assert told == [2, 38, "bidirectional"]


TINY_BASES = """
import pytest
from tests.towers import tiny_bases
tiny_bases(pytest.MonkeyPatch())
"""
"""For the rest of the process; published names mean what they did."""

SHAPE = """
from dataclasses import astuple
from search.driver import prepare
from spaces.catalogue import Catalogue
from trainables.initialisation import encoder_shape
record, _ = prepare(given["plan"], given["root"])
value = astuple(encoder_shape(Catalogue.for_plan(record.plan).initialisations["tiny"].path))
"""


def test_an_encoder_in_a_folder_of_sentence_transformers_is_brought(world: World) -> None:
    """What lies in ``0_Transformer`` and the list of modules; the steps after it are not."""
    inner = {f"0_Transformer/{name}": content for name, content in model_files().items()}
    modules = [{"path": "0_Transformer"}, {"path": "1_Pooling"}]
    more = {"modules.json": json.dumps(modules).encode(), "1_Pooling/config.json": b"{}"}
    world.hub.push("models", f"{world.owner}/tiny", {**inner, **more})
    said, asked = world.asked_while(world.fetch)
    assert said.code == 0, said.out
    files = {line.partition("/resolve/")[2].partition("/")[2] for line in asked if "GET" in line}
    assert {"0_Transformer/model.safetensors", "modules.json"} < files
    assert not files & {"1_Pooling/config.json", "0_Transformer/notes.txt"}
    run = {"plan": str(world.plan(offline=True)), "root": str(world.folder)}
    assert world.child.run(TRIAL, **run)[0] == "final"


@pytest.mark.parametrize("kind", ["metaclip_2", "m2m_100"])
def test_what_is_not_supported_is_refused_before_its_weights_come(world: World, kind: str) -> None:
    """Its configuration tells."""
    config = json.dumps({"model_type": kind}).encode()
    world.hub.push("models", f"{world.owner}/tiny", {**model_files(), "config.json": config})
    said, asked = world.asked_while(world.fetch)
    assert said.code == 1 and UNSUPPORTED[kind] in said.out
    assert not [line for line in asked if line.endswith(".safetensors")]


def test_weights_that_do_not_fit_are_found_when_they_are_fetched(world: World) -> None:
    """A missing tensor fails ``fetch``, not a trial hours later."""
    files = model_files()
    tensors = load(files["model.safetensors"])
    del tensors["encoder.layer.0.output.dense.bias"]
    files = {**files, "model.safetensors": save(tensors, {"format": "pt"})}
    world.hub.push("models", f"{world.owner}/tiny", files)
    said = world.fetch()
    assert said.code == 1 and "missing encoder.layer.0.output.dense.bias" in said.out


def test_an_architecture_of_code_is_refused(world: World) -> None:
    """A model that transformers knows by the repository's own code alone is not brought."""
    config = {"model_type": "unheard", "auto_map": {"AutoConfig": "own.Config"}}
    code = {"config.json": json.dumps(config).encode(), "own.py": b"raise SystemExit('was run')\n"}
    world.hub.push("models", f"{world.owner}/tiny", {**model_files(), **code})
    said, asked = world.asked_while(world.fetch)
    assert said.code == 1 and f"{world.owner}/tiny: its architecture ('unheard')" in said.out
    assert "never run" in said.out
    assert not [line for line in asked if line.endswith(("own.py", ".safetensors"))]
    world.hub.push("models", f"{world.owner}/tiny", {**model_files(), "config.json": b"{}"})
    said, asked = world.asked_while(world.fetch)
    assert said.code == 1 and f"{world.owner}/tiny: " in said.out
    assert not [line for line in asked if line.endswith(".safetensors")]


def test_what_a_repository_does_not_have_is_named(world: World) -> None:
    """A split, a configuration, a branch and a repository that are not there, all at once."""
    tables = plan_tables(world.owner)
    tables["initialisation"] = [{"name": "tiny", "path": f"hub:{world.owner}/tiny@v9"}]
    tables["task"][0]["splits"] = {"dev": "development", "test": "test"}
    tables["task"][1]["config"] = "whole"
    tables["task"][2]["hub"] = f"{world.owner}/nothing"
    said = world.fetch(world.plan(tables))
    assert said.code == 1
    assert "de/development: no such split; there are: train, validation, test" in said.out
    assert "BuilderConfig 'whole' not found" in said.out
    assert f"{world.owner}/tiny@v9: " in said.out and f"{world.owner}/nothing@" in said.out


def test_damaged_rows_are_found_when_they_are_fetched(world: World) -> None:
    """A file that is no parquet file fails ``fetch``, not a trial hours later."""
    files = {"README.md": card("other", ("default", {"train": "train.parquet"}))}
    world.hub.push("datasets", f"{world.owner}/mnli", {**files, "train.parquet": b"PAR1 nothing"})
    said = world.fetch()
    assert said.code == 1 and "mnli default/train" in said.out
    assert "mnli (never fetched): default/train" in world.check(world.plan(offline=True)).err


def test_cards_decide_what_rows_become(world: World) -> None:
    """Label names and options that stand in the card alone are obeyed, here of separated values."""
    lines = ["premise;hypothesis;label", *(f"w1 w{n};w{n};{n % 3}" for n in range(20))]
    text = "\n".join(lines).encode()
    readme = b"""---
configs:
- config_name: default
  sep: ";"
  data_files:
  - split: train
    path: train.csv
dataset_info:
  config_name: default
  features:
  - name: premise
    dtype: string
  - name: hypothesis
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '0': contradiction
          '1': neutral
          '2': entailment
---
"""
    world.hub.push("datasets", f"{world.owner}/mnli", {"README.md": readme, "train.csv": text})
    assert world.fetch().code == 0
    rows = world.child.run(ROWS, plan=str(world.plan(offline=True)), part=["mnli", "en", "train"])
    assert rows["text"][:2] == ["w1 w0", "w1 w1"]
    assert rows["label"][:4] == [2, 1, 0, 2]


ROWS = """
from search.freeze import freeze
from spaces.phases import Rows
from trainables.sources import source_for
record = freeze(__import__("spaces.plan").plan.load_plan(given["plan"]))
source = source_for(record.plan, record.catalogue)
task, language, split = given["part"]
name = "/".join(given["part"])
value = source.rows(Rows(task=task, language=language, split=split,
                         revision=record.revisions[name]))
"""


def test_test_rows_are_sealed_by_content_whatever_else_is_cached(world: World) -> None:
    """A training row with a test text is left out; test rows of other targets change nothing."""
    stolen = nli_parquet(4, "w3 en")  # as XNLI's English test rows here
    files = {"README.md": card("other", ("default", {"train": "*.parquet"}))}
    files |= {"0.parquet": nli_parquet(20, "w4"), "1.parquet": stolen}
    world.hub.push("datasets", f"{world.owner}/mnli", files)
    assert world.fetch().code == 0
    plan = world.plan(offline=True)
    part = {"plan": str(plan), "part": ["mnli", "en", "train"]}
    alone = world.child.run(ROWS, **part)
    assert len(alone["text"]) == 20 and not any(t.startswith("w3 ") for t in alone["text"])
    before = world.child.run(FREEZE, plan=str(plan), root=str(world.folder))
    other = plan_tables(world.owner)
    other["targets"]["tasks"] = ["xnli", "paws"]
    other["task"].append({"name": "paws", "like": "xnli", "hub": f"{world.owner}/paws"})
    splits = {"validation": "v.parquet", "test": "t.parquet"}
    readme = card("other", *((code, splits) for code in CODES))
    more = {"v.parquet": nli_parquet(8, "w8"), "t.parquet": nli_parquet(7, "w4")}
    world.hub.push("datasets", f"{world.owner}/paws", {"README.md": readme, **more})
    assert world.fetch(world.plan(other)).code == 0
    both = world.child.run(ROWS, **{**part, "plan": str(world.plan(other))})
    assert len(both["text"]) == 13
    plan = world.plan(offline=True)
    assert world.child.run(FREEZE, plan=str(plan), root=str(world.folder)) == before


MEMORY = """
import pyarrow as pa
from spaces.hub import Repository
from spaces.languages import LANGUAGES
from spaces.tasks import DataSet
from trainables.sources.hub import HubShelf
name = Repository("dataset", given["id"])
shelf = HubShelf({str(name): given["commit"]})
english = next(row for row in LANGUAGES if row.code == "en")
before = pa.total_allocated_bytes()
table = shelf.load(DataSet(hub=name.id, config="default"), english, "train")
value = [table.nbytes, pa.total_allocated_bytes() - before, table.num_rows]
"""


def test_rows_stay_on_the_disk(world: World) -> None:
    """A table is mapped into memory, not read into it."""
    push_mnli(world.hub, f"{world.owner}/mnli", 900)
    assert world.fetch().code == 0
    name = f"datasets/{world.owner}/mnli"
    commit = world.child.run(FREEZE, plan=str(world.plan()), root=str(world.folder))[1][name]
    size, allocated, count = world.child.run(MEMORY, id=name.partition("/")[2], commit=commit)
    assert count == 1800 and size > 30_000 and allocated < size / 4


def test_fetch_of_a_bad_plan_says_all_mistakes_and_asks_nobody(world: World) -> None:
    """Exit code 2, one message, no request."""
    tables = plan_tables(world.owner)
    tables["budget"] = {"trials_per_target": 1}
    tables["store"] = {"storage": "sqlite:///relative.db"}
    said, asked = world.asked_while(lambda: world.fetch(world.plan(tables)))
    assert (said.code, asked) == (2, [])
    assert "trials_per_target" in said.err and "relative path" in said.err


def test_a_task_that_is_not_on_the_hub_is_a_mistake(world: World) -> None:
    """LAReQA's sentences are in no repository of the hub: the plan is refused before anything."""
    tables = plan_tables(world.owner)
    tables["targets"] = {"tasks": ["lareqa"]}
    tables["study"] |= {"selection": "source_dev"}
    said, asked = world.asked_while(lambda: world.fetch(world.plan(tables)))
    assert (said.code, asked) == (2, [])
    assert "'lareqa' is not on the hub" in said.err


def test_fetch_of_a_plan_without_the_hub_needs_nothing(world: World) -> None:
    """The miniature's rows are generated; a checkpoint of the hub is brought nevertheless."""
    file = world.folder / "micro.toml"
    file.write_text(to_toml(plan_values("microworld")))
    said, asked = world.asked_while(lambda: world.fetch(file))
    assert (said.code, asked) == (0, [])
    assert "rows are generated: nothing to fetch" in said.out
    own = [{"name": "tiny", "path": f"hub:{world.owner}/tiny"}]
    space = {"initialisations": ["micro-text", "tiny"]}
    file.write_text(to_toml(plan_values("microworld", space=space, initialisation=own)))
    said = world.fetch(file)
    assert said.code == 0 and world.commits[f"{world.owner}/tiny"][:12] in said.out


@pytest.mark.slow
def test_a_whole_search_runs_offline_and_resumes(world: World) -> None:
    """``start`` through Ray after ``fetch``, then more trials after every branch has moved on."""
    assert world.fetch().code == 0
    plan = world.plan(offline=True)
    said, asked = world.asked_while(lambda: world.child("start", plan, "--root", world.folder))
    assert (said.code, asked) == (0, []), said.err
    before = contents(world.folder / "phases")
    push_xnli(world.hub, f"{world.owner}/xnli", "w9")
    more = ("resume", "hubbed", "--root", world.folder, "--add-trials", 2)
    said, asked = world.asked_while(lambda: world.child(*more))
    assert (said.code, asked) == (0, []), said.err
    after = contents(world.folder / "phases")
    assert before.items() <= after.items()


# Names alone


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("hub:a/b", "a/b"),
        ("hub:a/b@v1.0", "a/b@v1.0"),
        ("hub:a-b/c.d_e@refs/pr/3", "a-b/c.d_e@refs/pr/3"),
    ],
)
def test_paths_name_repositories(path: str, name: str) -> None:
    """Owner, name and revision; a frozen commit takes the revision's place."""
    assert str(checkpoint(path)) == name
    commit = "0" * 40
    frozen = at_commit(path, {name: commit})
    assert checkpoint(frozen) == Repository("model", checkpoint(path).id, commit)
    assert at_commit(path, {"another/one": commit}) == path
    assert at_commit("some/folder", {name: commit}) == "some/folder"


@pytest.mark.parametrize("path", ["hub:", "hub:alone", "hub:../x", "hub:a/b/c", "hub:a/b@"])
def test_other_paths_are_mistakes(path: str) -> None:
    """A plan says what a path of the hub looks like."""
    values = plan_values(initialisation=[{"name": "own", "path": path}])
    with pytest.raises(PlanError, match="hub:<owner>/<name>@<revision>"):
        parse_plan(values)


@pytest.mark.parametrize("commit", ["main", "abc123", "0" * 39, "0" * 41, "g" * 40])
def test_commits_are_whole(commit: str) -> None:
    """A branch or a shortened commit is none: it would not name one content for ever."""
    with pytest.raises(PlanError, match="40 hex digits"):
        parse_plan(plan_values(data={"source": "hub", "commits": {"a/b": commit}}))


# Real rows


def test_real_rows_are_those_of_a_folder(world: World) -> None:
    """The same files give the same rows through the hub as in a folder."""
    if not (DATA / "xnli").is_dir():
        pytest.skip(f"{DATA} is absent: set TRANSFER_SEARCH_DATA to a folder in the hub's schemas")
    splits = {split: f"{{}}/{split}.parquet" for split in ("validation", "test")}
    configs = [(c, {split: path.format(c) for split, path in splits.items()}) for c in CODES]
    files = {"README.md": card("cc-by-nc-4.0", *configs)}
    for code in CODES:
        for split in splits:
            place = f"{code}/{split}.parquet"
            files[place] = (DATA / "xnli" / place).read_bytes()
    world.hub.push("datasets", f"{world.owner}/xnli", files)
    assert world.fetch().code == 0
    rows = world.child.run(ROWS, plan=str(world.plan(offline=True)), part=["xnli", "sw", "dev"])
    source = RealSource(Folder(DATA), Catalogue.of_world("real"), sealed=["xnli"])
    revision = source.revision("xnli", "sw", "dev")
    same = source.rows(Rows(task="xnli", language="sw", split="dev", revision=revision))
    assert rows == same and len(same["text"]) > 1000


def test_a_dry_run_asks_no_hub(world: World) -> None:
    """What was never fetched is named, and the space is shown all the same."""
    said, asked = world.asked_while(lambda: world.check(world.plan()))
    assert said.code == 0 and asked == []
    assert "not looked at" in said.out and f"datasets/{world.owner}/mnli" in said.out
    assert "distinct settings" in said.out and "distinct phases" not in said.out
