"""A study as files for others: its frames, or a submission to the benchmark."""

from collections.abc import Iterator
from pathlib import Path

from analysis.dictionary import DICTIONARY, FRAMES, data_dictionary
from analysis.frames import DEFAULT_ROOT
from analysis.snapshot import ReadTrial, Snapshot, read_snapshot, read_snapshots
from analysis.submission import write_submission
from spaces.benchmark import XTREME_R
from spaces.layout import StoreError, finished_folder
from spaces.predictions import PREDICTIONS, PredictionTable, read_predictions


def export_frames(
    study: str, folder: Path, form: str, root: Path | str = DEFAULT_ROOT
) -> list[Path]:
    """Write the frames of a study, and what each of their columns is.

    Gains, confirmed settings and the selection ladder are told at the level and margin of reports.
    Parquet keeps dtypes, missing values and, in ``attrs``, units and meanings; csv keeps none of
    them, so that the dictionary beside it is how to read it.

    Args:
        study: name of the study.
        folder: made where it is not there; files of these names are replaced.
        form: ``parquet`` or ``csv``.
        root: folder of all studies and phases.

    Returns:
        The files that were written.
    """
    snapshots = read_snapshots(study, root)  # once: the frames of a running study agree
    frames = {frame.name: frame.make(snapshots) for frame in FRAMES if frame.make}
    frames[DICTIONARY] = data_dictionary()
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, frame in frames.items():
        written.append(folder / f"{name}.{form}")
        if form == "parquet":
            frame.to_parquet(written[-1], index=False)
        else:
            frame.to_csv(written[-1], index=False)
    return written


def export_submission(study: str, folder: Path, root: Path | str = DEFAULT_ROOT) -> list[Path]:
    """Write test predictions and labels as XTREME-R's scorer reads them.

    Of each target of the benchmark: the first replicate of the setting that the search's own
    selection put first.

    Args:
        study: a confirmation, because searches make no test predictions.
        folder: where ``predictions`` and ``labels`` are made.
        root: folder of all studies and phases.

    Returns:
        The files that were written.

    Raises:
        StoreError: the study has no test predictions.
        SubmissionError, FileExistsError: see ``write_submission``.
    """
    snapshot = read_snapshot(study, root)
    tables: dict[str, list[PredictionTable]] = {}
    for target in snapshot.record.targets:
        trial = _nominated(snapshot, target)
        if trial and XTREME_R.task(target):
            tables[target] = list(_test_tables(snapshot, trial))
    if not any(tables.values()):
        raise StoreError(
            f"study {study!r} holds no test predictions of a target of {XTREME_R.name}: run "
            f"`transfer-search confirm {study}` and export the confirmation"
        )
    found = {target: rows for target, rows in tables.items() if rows}
    return write_submission(folder, found, snapshot.record.catalogue.tasks)


def _nominated(snapshot: Snapshot, target: str) -> ReadTrial | None:
    """The first replicate of the setting that the search itself put first.

    Test scores choose nothing: the best of several test scores would be too high.
    """
    confirms = snapshot.record.confirms
    if confirms is None or target not in confirms.settings:
        return None
    first = confirms.first(target, snapshot.record.cuts[target].selection)
    assert first is not None  # every confirmation has its search's own first
    done = [trial for trial in snapshot.of_target(target) if trial.is_complete]
    return next((t for t in done if t.setting_id == first.setting.setting_id), None)


def _test_tables(snapshot: Snapshot, trial: ReadTrial) -> Iterator[PredictionTable]:
    """Predictions of a trial on the target's own test rows; none of a search's trial."""
    if all(score.split != "test" for score in trial.attributes.record.scores):
        return
    key = next(phase.key for phase in trial.attributes.phases if phase.kind == "evaluation")
    readout = trial.setting.readout if trial.setting else None
    folder = finished_folder(snapshot.store, key)
    for table in read_predictions(folder / PREDICTIONS, readout):
        if table["split"][0] == "test" and table["task"][0] == trial.target:
            yield table
