"""The world that really trains: initialisations, phases and evaluations on torch and DeepSpeed."""

import gc
from collections.abc import Iterable, Iterator
from typing import Any, cast, get_args

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from spaces.catalogue import Catalogue
from spaces.keys import derived_seed
from spaces.phases import EvaluationSpec, InitialisationSpec, Rows, TrainingSpec
from spaces.plan import Plan
from spaces.predictions import (
    PREDICTIONS,
    PredictionTable,
    read_predictions,
    write_predictions,
)
from spaces.selection import Cut, selecting_score
from spaces.settings import Optimisation, Pooling, Readout
from trainables.batches import RowOrder
from trainables.checkpoints.accounts import Account
from trainables.engine import Layout
from trainables.evaluation import Evaluator, Predicting, score_rows
from trainables.forms import FORMS, JointForm
from trainables.initialisation import (
    convert_checkpoint,
    load_encoder,
    load_tokenizer,
    longest_input,
    save_weights,
)
from trainables.model import TaskData, TaskModel, TokenisedPart, tokenised
from trainables.phase import PhaseRun, StepData, train_phase
from trainables.pretraining import pretraining_run
from trainables.ranking import smaller
from trainables.rows import RowError, RowTable, Source
from trainables.store import Artifact
from trainables.world import ALONE, Job, Outcome, Ranks, Tick

TOKENS_KEPT = 20_000_000
"""Tokens of parts kept per process, because trials of a study read the same few again and again:
160 MB, and as much again for their text. One part larger than this stands alone."""


class NeuralWorld:
    """Executes phases with the plan's resources; one per process.

    Training is for all ranks; what comes after it, like evaluation, is rank 0's alone.
    """

    def __init__(
        self, plan: Plan, catalogue: Catalogue, source: Source, ranks: Ranks = ALONE
    ) -> None:
        self._plan, self._catalogue, self._source, self._ranks = plan, catalogue, source, ranks
        self._tokenised: dict[Any, TokenisedPart] = {}
        self._kept: dict[Any, int] = {}
        torch.set_num_threads(plan.resources.cpus_per_worker)
        gc.collect()
        gc.freeze()  # the libraries stay for good; each phase's collection need not look at them

    def execute(self, job: Job, outcome: Outcome) -> Iterator[Tick]:
        """Train or score; see ``World``."""
        spec = job.attempt.spec
        if isinstance(spec, TrainingSpec):
            return self._ranks.together(job, self._train(spec, job, outcome))
        if isinstance(spec, EvaluationSpec):
            return self._evaluate(spec, job, outcome)
        if self._catalogue.initialisations[spec.name].path:
            return self._convert(spec, job, outcome)
        return self._ranks.together(job, self._pretrain(spec, job, outcome))

    def _convert(self, spec: InitialisationSpec, job: Job, outcome: Outcome) -> Iterator[Tick]:
        """A user's checkpoint becomes a plain encoder folder."""
        path = self._catalogue.initialisations[spec.name].path
        account = convert_checkpoint(path, job.attempt.folder)
        outcome.details["tensors"] = account.to_json()
        yield Tick(0, 0)

    def _pretrain(self, spec: InitialisationSpec, job: Job, outcome: Outcome) -> Iterator[Tick]:
        """Masked words and what the recipe contrasts, from fresh weights or an initialisation's."""
        assert spec.pretraining is not None and spec.seed is not None
        pretraining = pretraining_run(spec, self._source, job.chain[-1] if job.chain else None)
        how = (spec.pretraining.optimisation, spec.seed)
        run = self._run(job, pretraining.model, pretraining.data, *how)
        yield from _ticks(run, outcome)
        if self._ranks.rank > 0:
            return
        pretraining.save(run.weights, job.attempt.folder)
        outcome.details["left_out"] = self._left_out(spec.rows)
        _save_losses(run, job)

    def _train(self, spec: TrainingSpec, job: Job, outcome: Outcome) -> Iterator[Tick]:
        """An intermediate or target phase: the parent's encoder, fresh heads, this phase's rows."""
        encoder, account = _encoder(job)
        torch.manual_seed(derived_seed("heads", spec.seed))
        model = TaskModel(encoder, [self._catalogue.tasks[name] for name in spec.tasks])
        data = self._data(spec, job.start, encoder)
        run = self._run(job, model, data, spec.optimisation, spec.seed)
        if spec.kind == "target":
            self._add_reports(run, job)
        yield from _ticks(run, outcome)
        if self._ranks.rank > 0:
            return
        outcome.details["tensors"] = {**account.to_json(), "fresh": sorted(model.heads)}
        outcome.details["left_out"] = self._left_out(spec.rows)
        save_weights(run.weights, job.attempt.folder)
        _save_losses(run, job)

    def _data(self, spec: TrainingSpec, first: Artifact, encoder: nn.Module) -> TaskData:
        parts = [self._tokenise(rows, first, spec.max_tokens, encoder) for rows in spec.rows]
        order = RowOrder(
            seed=spec.seed,
            sizes=tuple(len(part.lengths) for part in parts),
            weights=tuple(rows.weight for rows in spec.rows),
            rows_per_step=spec.optimisation.rows_per_step,
        )
        return TaskData(parts, order, load_tokenizer(first.folder).pad_token_id)

    def _tokenise(
        self, rows: Rows, first: Artifact, longest: int, encoder: nn.Module
    ) -> TokenisedPart:
        """The rows of a part, tokenised once per process."""
        name = (rows, first.key, longest)
        if name not in self._tokenised:
            if longest > longest_input(encoder):
                raise RowError(
                    f"{rows} needs {longest} tokens, but {first.provenance['title']} has "
                    f"positions for {longest_input(encoder)}: lower max_tokens in a [[task]] row"
                )
            task, tokenizer = self._catalogue.tasks[rows.task], load_tokenizer(first.folder)
            fresh = TokenisedPart.of(rows, task, self._source, tokenizer, longest)
            room = TOKENS_KEPT - sum(fresh.tokens)
            while self._tokenised and sum(self._kept.values()) > room:
                oldest = next(iter(self._tokenised))
                del self._tokenised[oldest], self._kept[oldest]
            self._tokenised[name], self._kept[name] = fresh, sum(fresh.tokens)
        return self._tokenised[name]

    def _add_reports(self, run: PhaseRun, job: Job) -> None:
        """Score the selecting rows at even distances before the end."""
        count, steps = self._plan.budget.reports_per_phase, run.optimisation.steps
        run.report_steps = frozenset(round(steps * n / (count + 1)) for n in range(1, count + 1))
        rows = [rows for rows in job.evaluation.rows if rows.language in job.cut.selecting]
        if job.evaluation.reads:
            return  # its vectors are read of the whole recipe's end, by a head that is not trained

        def report(model: nn.Module) -> float:
            assert isinstance(model, TaskModel)
            tables = _drained(self._predict(model, rows, job))
            scores = self._score(tables, job.evaluation, job.cut)
            return selecting_score(scores, job.cut, self._plan, self._catalogue)

        run.report = report

    def _evaluate(self, spec: EvaluationSpec, job: Job, outcome: Outcome) -> Iterator[Tick]:
        """Predict every row of every language with the target phase's weights."""
        encoder, _ = _encoder(job)
        task = self._catalogue.tasks[spec.target]
        model = TaskModel(encoder, [task], every_readout(encoder) if spec.reads else ())
        weights = load_file(job.chain[-1].file("model.safetensors"))
        model.heads[task.head].load_state_dict(_below(f"heads.{task.head}.", weights))
        model.eval()
        if torch.cuda.is_available():
            model.cuda()
        predicting, done = self._predict(model, list(spec.rows), job), 0
        while True:
            try:
                done += next(predicting)
            except StopIteration as finished:
                write_predictions(finished.value, job.attempt.folder)
                break
            yield Tick(done, 0)
        outcome.details["left_out"] = self._left_out(spec.rows)

    def _predict(self, model: TaskModel, rows: list[Rows], job: Job) -> Predicting:
        """Prediction tables of some rows; retrieval rows that share a pool are ranked together."""
        spec, budget = job.evaluation, self._plan.resources.tokens_per_micro_batch
        pad_id = load_tokenizer(job.start.folder).pad_token_id
        evaluator = Evaluator(model, budget, pad_id, spec.dtype)
        tables: list[PredictionTable] = []
        for together in _sharing_a_pool(rows, self._catalogue):
            parts = [self._tokenise(r, job.start, spec.max_tokens, model.encoder) for r in together]
            if FORMS[parts[0].task.form].joint:
                pool = self._pool(parts, spec)
                tokenizer = load_tokenizer(job.start.folder)
                form = cast(JointForm, FORMS[parts[0].task.form])
                task = parts[0].task
                found = tokenised(form.candidates, task, pool, tokenizer, spec.max_tokens)
                tables += yield from evaluator.rankings(parts, pool, found)
            else:
                tables += yield from evaluator.predictions(parts[0])
        return tables

    def _pool(self, parts: list[TokenisedPart], spec: EvaluationSpec) -> RowTable:
        """The candidates of some rows."""
        own = parts[0].rows.task == spec.target
        sources = spec.candidates if own and spec.candidates else [part.rows for part in parts]
        tables = [self._source.candidates(rows) for rows in sources]
        whole = {name: [v for table in tables for v in table[name]] for name in tables[0]}
        needed = {name for part in parts for name in part.table["target_id"]}
        return smaller(whole, needed, spec.pool_cap if own else None)

    def _left_out(self, rows: Iterable[Rows]) -> dict[str, dict[str, int]]:
        """Rows of parts that are not used, and why; for reports."""
        counts = {f"{one}/{one.split}": self._source.left_out(one) for one in rows}
        return {name: count for name, count in counts.items() if count}

    def scores(self, evaluation: Artifact, spec: EvaluationSpec, cut: Cut) -> list[dict[str, Any]]:
        """Scores computed from the kept predictions."""
        tables = read_predictions(evaluation.file(PREDICTIONS), spec.readout)
        return self._score(tables, spec, cut)

    def _score(
        self, tables: list[PredictionTable], spec: EvaluationSpec, cut: Cut
    ) -> list[dict[str, Any]]:
        return score_rows(tables, spec, cut, self._catalogue.tasks[spec.target])

    def _run(
        self, job: Job, module: nn.Module, data: StepData, optimisation: Optimisation, seed: int
    ) -> PhaseRun:
        resources = self._plan.resources
        layout = Layout(
            rank=self._ranks.rank,
            world_size=self._ranks.world_size,
            zero_stage=resources.zero_stage,
            dtype=resources.precision,
            token_budget=resources.tokens_per_micro_batch,
        )
        return PhaseRun(
            module=module,
            data=data,
            optimisation=optimisation,
            seed=seed,
            layout=layout,
            checkpoints=job.attempt.paths.checkpoints(layout.name),
            attempt=job.attempt.name,
            checkpoint_seconds=60 * resources.checkpoint_minutes,
        )


def _encoder(job: Job) -> tuple[nn.Module, Account]:
    """The encoder that the last phase before a job handed on."""
    start, last = job.start, job.chain[-1]
    return load_encoder(start.folder, None if start is last else last.file("model.safetensors"))


def every_readout(encoder: Any) -> list[Readout]:
    """All layers of an encoder, the embeddings among them."""
    layers = range(encoder.config.num_hidden_layers + 1)
    return [Readout(layer=k, pooling=pooling) for k in layers for pooling in get_args(Pooling)]


def _sharing_a_pool(rows: list[Rows], catalogue: Catalogue) -> list[list[Rows]]:
    """Rows in groups that are predicted together: those of one task, where its pool is shared."""
    groups: dict[Any, list[Rows]] = {}
    for one in rows:
        shared = catalogue.tasks[one.task].pool != "own"
        groups.setdefault((one.task, None if shared else one), []).append(one)
    return list(groups.values())


def _drained(predicting: Predicting) -> list[PredictionTable]:
    """What a prediction returns, when nobody watches it."""
    while True:
        try:
            next(predicting)
        except StopIteration as finished:
            return cast(list[PredictionTable], finished.value)


def _below(prefix: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of one part of a model, under the names that the part itself gives them."""
    return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}


def _ticks(run: PhaseRun, outcome: Outcome) -> Iterator[Tick]:
    """Train to the end and book what it took.

    The first of several ranks' ticks says that this one is ready: none may enter a collective
    before all are, because one that then fails would leave the others waiting in it.
    """
    if run.layout.world_size > 1:
        yield Tick(0, run.optimisation.steps)
    phase = train_phase(run)
    try:
        yield from phase
    finally:
        phase.close()  # an interrupted phase checkpoints here
    outcome.steps, outcome.tokens = run.optimisation.steps, run.tokens
    outcome.details |= {
        "layout": run.layout.name,
        "micro_batches": run.micro_batches,
        "final_loss": run.losses[-1] if run.losses else None,
        "threads": torch.get_num_threads(),
        "device": "cuda" if torch.cuda.is_available() else "cpu",
    }


def _save_losses(run: PhaseRun, job: Job) -> None:
    """The loss of every step, float64[steps]."""
    np.save(job.attempt.folder / "losses.npy", np.asarray(run.losses))
