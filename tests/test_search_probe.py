"""What is asked of every node before the first trial, and what is said of one that cannot."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from search import probe
from search.probe import PINNED, Question, about_python, judge, look, probe_nodes
from spaces.mistakes import Mistake, PlanError
from tests.plans import plan

HERE = about_python(("numpy", "optuna"))

FOLDER = Path("/shared/runs/studies/first")


def answer(**changes: Any) -> dict[str, Any]:
    """What a healthy node like this machine says, changed."""
    healthy = {"root": "", "caches": [], "imports": [], "free_bytes": 3 * 2**30, "node": "node n1"}
    return {**healthy, **HERE, "host": "alpha", **changes}


def asked(file: Path | str, **changes: Any) -> dict[str, Any]:
    """The question about a file that says ``mark``."""
    question = Question(str(file), "mark", changes.pop("caches", {}), changes.pop("imports", ()))
    return {**asdict(question), **changes}


# -- on a node -------------------------------------------------------------------------------------


def test_a_node_reads_what_the_driver_wrote(tmp_path: Path) -> None:
    """A healthy node has nothing to complain of, and says where it is and what it has."""
    probe = tmp_path / "probe"
    probe.write_text("mark")
    found = look(asked(probe, caches={"HF_HOME": str(tmp_path)}, imports=("json", "spaces")))
    assert (found["root"], found["caches"], found["imports"]) == ("", [], [])
    assert found["free_bytes"] > 0 and found["python"] == HERE["python"]
    assert found["versions"]["torch"].startswith("2.")
    assert judge([{"node": "node n1", **found}], tmp_path, about_python(PINNED)) == []


def test_a_node_says_all_that_is_wrong(tmp_path: Path) -> None:
    """Root, caches and packages are looked at whatever the one before gave."""
    caches = {"HF_HOME": str(tmp_path / "absent"), "HF_HUB_CACHE": str(tmp_path)}
    found = look(asked("/no/such/disk/probe", caches=caches, imports=("no_such_package",)))
    assert "No such file" in found["root"] and found["free_bytes"] is None
    assert found["caches"] == [f"HF_HOME={tmp_path / 'absent'}"]
    assert found["imports"][0].startswith("no_such_package: ModuleNotFoundError")


def test_another_disk_at_the_same_path_is_noticed(tmp_path: Path) -> None:
    """A file of the same name with another text is not the driver's."""
    found = look(asked(tmp_path / "probe"), read=lambda path: "of last week")
    assert found["root"] == "another file of this name"


# -- what is said ----------------------------------------------------------------------------------


def test_nodes_that_cannot_are_named_in_one_message() -> None:
    """Each by its name and host, with what it found and what to do."""
    lost = answer(node="node n2", host="beta", root="[Errno 2] No such file: 'probe'")
    old = answer(node="node n3", host="gamma", python="3.9.1", imports=["torch: ImportError: x"])
    dark = answer(node="node n4", host="delta", caches=["HF_HOME=/cache"])
    with pytest.raises(PlanError) as refused:
        judge([answer(), lost, old, dark], FOLDER, HERE)
    text = str(refused.value)
    assert text.startswith("the cluster: 4 mistakes; nothing was written") and "alpha" not in text
    for said in (
        f"node n2 on beta, {FOLDER}",
        "mount the same disk at the same path",
        "node n3 on gamma, Python",
        "torch: ImportError: x",
        "'.[train]'",
        "node n4 on delta, caches",
    ):
        assert said in text


def test_other_versions_are_told_and_not_refused() -> None:
    """A newer bug fix on one node is worth a line; its neighbours are not mentioned."""
    versions = {**HERE["versions"], "numpy": "1.0"}
    lines = judge([answer(), answer(host="beta", versions=versions)], FOLDER, HERE)
    (line,) = [line for line in lines if "versions" in line]
    assert "beta" in line and f"numpy 1.0 (here {HERE['versions']['numpy']})" in line
    assert "optuna" not in line and "alpha" not in line


def test_the_fullest_disk_is_told() -> None:
    """With several nodes, the one with the least room under the root."""
    lines = judge([answer(), answer(host="beta", free_bytes=2**29)], FOLDER, HERE)
    assert lines == [f"2 nodes see {FOLDER}; least free there: 0.5 GiB (node n1 on beta)"]


# -- a cluster of our own --------------------------------------------------------------------------


class OneNode:
    """Ray with this machine alone."""

    @staticmethod
    def nodes() -> list[dict[str, Any]]:
        return [{"Alive": True, "NodeID": "n", "NodeManagerAddress": "127.0.0.1"}]


def test_this_machine_is_looked_at_without_a_worker(tmp_path: Path) -> None:
    """A Ray of our own is this process's machine: no task is started, and no probe stays."""
    assert probe_nodes(OneNode, plan(), tmp_path, None) == []
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_the_driver_has_not_is_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that names no folder here is no node's fault."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "absent"))
    assert probe_nodes(OneNode, plan(), tmp_path, None) == []


SILENT = Mistake("node n2", "no answer", "an answer")


def two_nodes(*alive_later: str) -> Any:
    """Ray with two nodes, of which these are alive once they were asked."""
    looks = iter([("n1", "n2"), alive_later])

    class TwoNodes:
        @staticmethod
        def nodes() -> list[dict[str, Any]]:
            names = next(looks)
            return [{"Alive": True, "NodeID": n, "NodeManagerAddress": n} for n in names]

    return TwoNodes


@pytest.fixture
def second_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of two nodes answers, the second does not."""
    answers = [answer(id="n1"), {"id": "n2", "node": "node n2", "broken": SILENT}]
    monkeypatch.setattr(probe, "_ask", lambda *_: answers)


@pytest.mark.usefixtures("second_is_silent")
def test_a_node_that_died_meanwhile_is_left_out(tmp_path: Path) -> None:
    """A search begins without it, as it goes on without one that dies later."""
    said = probe_nodes(two_nodes("n1"), plan(), tmp_path, "here:1")
    assert said[0] == "node n2 died while it was looked at: the search begins without it"
    assert not any("n2" in line for line in said[1:])


@pytest.mark.usefixtures("second_is_silent")
def test_a_node_that_lives_and_gives_no_answer_is_refused(tmp_path: Path) -> None:
    """Its trials would hang."""
    with pytest.raises(PlanError, match="node n2"):
        probe_nodes(two_nodes("n1", "n2"), plan(), tmp_path, "here:1")
