"""``export``: a study's frames, its submission, or the model of a target."""

from pathlib import Path

from analysis.card import model_card
from analysis.choose import refuse_confirmation
from analysis.export import export_frames, export_submission
from analysis.gains import best_trial
from analysis.snapshot import ReadTrial, Snapshot, read_snapshot
from analysis.submission import SubmissionError
from spaces.layout import StoreError, finished_folder
from spaces.mistakes import Mistake, PlanError, nearest


def export(study: str, folder: Path, form: str, target: str | None, root: Path | str) -> str:
    """Write a study in one of the formats; returns what was written, in words.

    Raises:
        StoreError: the study does not hold what is asked for.
        PlanError: the arguments do not fit each other.
    """
    if (form == "model") != bool(target):
        rule = "the target whose model is exported" if form == "model" else "no target"
        raise PlanError("export", [Mistake("--target", repr(target), rule)])
    if form == "model":
        return export_model(study, folder, str(target), root)
    try:
        if form == "xtreme-r":
            written = export_submission(study, folder, root)
        else:
            written = export_frames(study, folder, form, root)
    except (SubmissionError, FileExistsError) as error:
        raise StoreError(str(error)) from None
    return f"written: {len(written)} files in {folder}"


def export_model(study: str, folder: Path, target: str, root: Path | str) -> str:
    """Write the best trial's model of a target, with its card, as transformers loads it."""
    from trainables.model_folder import write_model  # heavy (torch, transformers)

    snapshot = read_snapshot(study, root)
    refuse_confirmation(snapshot.record)
    targets = snapshot.record.targets
    if target not in targets:
        raise PlanError("export", [Mistake("--target", repr(target), nearest(target, targets))])
    best = best_trial(snapshot.of_target(target))
    if best is None:
        raise StoreError(f"study {study!r} has no COMPLETE trial of {target!r} yet")
    first, weights = _weights(snapshot, best)
    task = snapshot.record.catalogue.tasks[target]
    if folder.exists() and any(folder.iterdir()):
        raise StoreError(f"{folder} is there and not empty: name another folder, or empty it")
    loaded_with = write_model(folder, first, weights, task)
    card = model_card(snapshot, best, loaded_with)
    (folder / "README.md").write_text(card, encoding="utf-8")
    return f"written: trial {best.number} of {target}, for {loaded_with}, in {folder}"


def _weights(snapshot: Snapshot, trial: ReadTrial) -> tuple[Path, Path | None]:
    """Folder of a trial's initialisation, and the weights of its last phase.

    Of initialisations that went on from one another it is the last. No weights beside it where
    nothing was trained after it.

    Raises:
        StoreError: the weights were evicted.
    """
    trained = [phase for phase in trial.attributes.phases if phase.kind != "evaluation"]
    starts = sum(phase.kind == "initialisation" for phase in trained)
    first, last = trained[starts - 1], trained[-1]
    folder = finished_folder(snapshot.store, first.key, weights=first is last)
    if first is last:
        return folder, None
    return folder, finished_folder(snapshot.store, last.key, weights=True) / "model.safetensors"
