"""The world that really trains: initialisations, phases and evaluations on torch and DeepSpeed."""

import gc
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from spaces.catalogue import Catalogue
from spaces.keys import derived_seed
from spaces.phases import EvaluationSpec, InitialisationSpec, Rows, TrainingSpec
from spaces.plan import Plan
from spaces.selection import Cut, trial_score
from spaces.settings import Optimisation
from trainables.batches import RowOrder
from trainables.engine import Layout
from trainables.evaluation import (
    PREDICTIONS,
    predictions,
    read_predictions,
    score_rows,
    write_predictions,
)
from trainables.initialisation import (
    Account,
    convert_checkpoint,
    load_encoder,
    load_tokenizer,
    longest_input,
    save_encoder,
    save_weights,
)
from trainables.model import TaskData, TaskModel, TokenisedPart
from trainables.phase import PhaseRun, StepData, train_phase
from trainables.pretraining import pretraining_run
from trainables.rows import RowError, Source
from trainables.store import Artifact
from trainables.world import ALONE, Job, Outcome, Ranks, Tick

TOKENISED_PARTS_KEPT = 64
"""Parts kept tokenised per process: trials of a study read the same few again and again."""


class NeuralWorld:
    """Executes phases with the plan's resources; one per process.

    Training is for all ranks; what comes after it, like evaluation, is rank 0's alone.
    """

    def __init__(
        self, plan: Plan, catalogue: Catalogue, source: Source, ranks: Ranks = ALONE
    ) -> None:
        self._plan, self._catalogue, self._source, self._ranks = plan, catalogue, source, ranks
        self._tokenised: dict[Any, TokenisedPart] = {}
        torch.set_num_threads(plan.resources.cpus_per_worker)
        gc.collect()
        gc.freeze()  # the libraries stay for good; each phase's collection need not look at them

    def execute(self, job: Job, outcome: Outcome) -> Iterator[Tick]:
        """Train or score; see ``World``."""
        spec = job.attempt.spec
        if isinstance(spec, TrainingSpec):
            return self._ranks.together(job, self._train(spec, job, outcome))
        if isinstance(spec, EvaluationSpec):
            return self._evaluate(spec, job)
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
        """Masked words, and pictures where asked, on the micro-world's documents."""
        assert spec.pretraining is not None and spec.seed is not None
        model, tokenizer, data = pretraining_run(spec.pretraining, spec.seed)
        run = self._run(job, model, data, spec.pretraining.optimisation, spec.seed)
        yield from _ticks(run, outcome)
        if self._ranks.rank > 0:
            return
        tokenizer.save_pretrained(job.attempt.folder)
        model.encoder.load_state_dict(_below("encoder.", run.weights))
        save_encoder(model.encoder, job.attempt.folder)
        _save_losses(run, job)

    def _train(self, spec: TrainingSpec, job: Job, outcome: Outcome) -> Iterator[Tick]:
        """An intermediate or target phase: the parent's encoder, fresh heads, this phase's rows."""
        encoder, account = _encoder(job.chain)
        torch.manual_seed(derived_seed("heads", spec.seed))
        model = TaskModel(encoder, [self._catalogue.tasks[name] for name in spec.tasks])
        data = self._data(spec, job.chain[0], encoder)
        run = self._run(job, model, data, spec.optimisation, spec.seed)
        if spec.kind == "target":
            self._add_reports(run, job)
        yield from _ticks(run, outcome)
        if self._ranks.rank > 0:
            return
        outcome.details["tensors"] = {**account.to_json(), "fresh": sorted(model.heads)}
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
            while len(self._tokenised) >= TOKENISED_PARTS_KEPT:
                self._tokenised.pop(next(iter(self._tokenised)))
            self._tokenised[name] = TokenisedPart.of(
                rows,
                self._catalogue.tasks[rows.task],
                self._source,
                load_tokenizer(first.folder),
                longest,
            )
        return self._tokenised[name]

    def _add_reports(self, run: PhaseRun, job: Job) -> None:
        """Score the selecting rows at even distances before the end."""
        count, steps = self._plan.budget.reports_per_phase, run.optimisation.steps
        run.report_steps = frozenset(round(steps * n / (count + 1)) for n in range(1, count + 1))
        rows = [rows for rows in job.evaluation.rows if rows.language in job.cut.selecting]

        def report(model: nn.Module) -> float:
            assert isinstance(model, TaskModel)
            tables = [self._predictions(model, one, job) for one in rows]
            scores = self._score(tables, job.evaluation, job.cut)
            return trial_score(scores, job.cut, self._plan, self._catalogue, "selecting")

        run.report = report

    def _evaluate(self, spec: EvaluationSpec, job: Job) -> Iterator[Tick]:
        """Predict every row of every language with the target phase's weights."""
        encoder, _ = _encoder(job.chain)
        task, layer = self._catalogue.tasks[spec.target], -1
        if spec.readout is not None:
            task, layer = replace(task, readout=spec.readout), spec.readout.layer
        model = TaskModel(encoder, [task], layer)
        weights = load_file(job.chain[-1].file("model.safetensors"))
        model.heads[task.head].load_state_dict(_below(f"heads.{task.head}.", weights))
        model.eval()
        if torch.cuda.is_available():
            model.cuda()
        tables = []
        for done, rows in enumerate(spec.rows):
            yield Tick(done, len(spec.rows))
            tables.append(self._predictions(model, rows, job))
        write_predictions(tables, job.attempt.folder)

    def _predictions(self, model: TaskModel, rows: Rows, job: Job) -> dict[str, Any]:
        """The prediction table of one language."""
        first, budget = job.chain[0], self._plan.resources.tokens_per_micro_batch
        part = self._tokenise(rows, first, job.evaluation.max_tokens, model.encoder)
        return predictions(model, part, budget, load_tokenizer(first.folder).pad_token_id)

    def scores(self, evaluation: Artifact, spec: EvaluationSpec, cut: Cut) -> list[dict[str, Any]]:
        """Scores computed from the kept predictions."""
        return self._score(read_predictions(evaluation.file(PREDICTIONS)), spec, cut)

    def _score(
        self, tables: list[dict[str, Any]], spec: EvaluationSpec, cut: Cut
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


def _encoder(chain: tuple[Artifact, ...]) -> tuple[nn.Module, Account]:
    """The encoder that the last phase of a chain handed on."""
    first, last = chain[0], chain[-1]
    return load_encoder(first.folder, None if first is last else last.file("model.safetensors"))


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
        "final_loss": run.losses[-1],
        "threads": torch.get_num_threads(),
        "device": "cuda" if torch.cuda.is_available() else "cpu",
    }


def _save_losses(run: PhaseRun, job: Job) -> None:
    """The loss of every step, float64[steps]."""
    np.save(job.attempt.folder / "losses.npy", np.asarray(run.losses))
