"""What a pretraining taught: losses and retrieval on rows that it has not seen, per language."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spaces.keys import derived_seed
from spaces.layout import HELD_OUT
from trainables.forms.masked import Masking
from trainables.forms.retrieval import pooled
from trainables.model import last_states, padded
from trainables.phase import moved
from trainables.pretraining.corpora import Corpus, Part, as_values
from trainables.pretraining.model import PretrainingModel

BATCH = 64

Measure = tuple[str, float, int, float | None]
"""Name, value, documents, and what guessing gives."""


@dataclass(frozen=True, slots=True)
class Examiner:
    """Measures a trained model on dev rows; nothing is drawn by chance."""

    model: PretrainingModel
    tokenizer: Any
    masking: Masking
    longest: int
    hub: str
    """Language whose captions those of all others are compared with."""

    @torch.no_grad()
    def measures(self, corpus: Corpus) -> list[dict[str, Any]]:
        """One row per task, language and measure."""
        captions = {p.rows.language: p for p in corpus.parts if p.has_pictures}
        vectors = {code: self._vectors(self._ids(p.texts)) for code, p in captions.items()}
        seen = self._seen(corpus) if captions else None
        rows = []
        for part in corpus.parts:
            found = [self._masked(part)]
            if part.has_pictures:
                code = part.rows.language
                found += with_pictures(part, vectors[code], seen)
                found += with_hub(part, captions.get(self.hub), vectors)
            rows += [
                {
                    "task": part.rows.task,
                    "language": part.rows.language,
                    "measure": name,
                    "value": value,
                    "documents": count,
                    "chance": chance,
                }
                for name, value, count, chance in found
            ]
        return rows

    @property
    def _device(self) -> torch.device:
        """Where training left the model."""
        return next(self.model.parameters()).device

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        found = self.tokenizer(texts, truncation=True, max_length=self.longest)["input_ids"]
        return [list(ids) for ids in found]

    def _batches(self, ids: Sequence[Sequence[int]]) -> Iterator[dict[str, Tensor]]:
        for start in range(0, len(ids), BATCH):
            batch = {"input_ids": ids[start : start + BATCH]}
            yield moved(padded(batch, self.tokenizer.pad_token_id), self._device)

    def _vectors(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """[N, H] of unmasked texts, of length 1."""
        found = [
            pooled(last_states(self.model.encoder, batch), batch["attention_mask"], "mean")
            for batch in self._batches(ids)
        ]
        return torch.cat(found).cpu().numpy()

    def _seen(self, corpus: Corpus) -> NDArray[np.float32] | None:
        """[I, H] of the pictures; None for a model without an eye."""
        eye = self.model.image_encoder
        if eye is None:
            return None
        pixels = torch.from_numpy(as_values(corpus.album.pixels()))
        found: NDArray[np.float32] = eye(pixels.to(self._device)).cpu().numpy()
        return found

    def _masked(self, part: Part) -> Measure:
        """Mean cross-entropy of masked tokens, in nats; the masks are the same for all models."""
        total, count, ids = 0.0, 0, self._ids(part.texts)
        rng = np.random.default_rng(derived_seed("held out", part.rows.task, part.rows.language))
        for batch in self._batches(ids):
            ids_bt = batch["input_ids"].cpu().numpy()
            drawn = map(torch.from_numpy, self.masking(ids_bt, rng.random((3, *ids_bt.shape))))
            masked_bt, targets_bt = (tensor.to(self._device) for tensor in drawn)
            states = last_states(self.model.encoder, {**batch, "input_ids": masked_bt})
            there = targets_bt >= 0
            scores_mv, targets_m = self.model.output(states[there]), targets_bt[there]
            total += float(nn.functional.cross_entropy(scores_mv, targets_m, reduction="sum"))
            count += len(targets_m)
        return "masked_loss", total / max(1, count), len(ids), None


def with_pictures(
    part: Part, texts_nh: NDArray[np.float32], seen: NDArray[np.float32] | None
) -> list[Measure]:
    """Each caption looks for its picture among all, and each picture for one of its captions."""
    if seen is None:
        return []
    pictures = np.unique(part.items)
    scores_np = texts_nh @ seen[pictures].T
    right_np = np.asarray(part.items)[:, None] == pictures
    return [
        _retrieval("text_to_image", scores_np, right_np),
        _retrieval("image_to_text", scores_np.T, right_np.T),
    ]


def with_hub(
    part: Part, hub: Part | None, vectors: dict[str, NDArray[np.float32]]
) -> list[Measure]:
    """Each caption looks for one of the same picture in the hub's language."""
    if hub is None or part is hub:
        return []
    right_nc = np.asarray(part.items)[:, None] == np.asarray(hub.items)
    both = right_nc.any(axis=1)
    if not both.any():
        return []
    scores_nc = vectors[part.rows.language][both] @ vectors[hub.rows.language].T
    return [_retrieval("text_to_hub_text", scores_nc, right_nc[both])]


def _retrieval(name: str, scores_qc: NDArray[np.float32], right_qc: NDArray[np.bool_]) -> Measure:
    """Per cent of queries whose best right candidate beats all others; a tie is no find."""
    right_q = np.where(right_qc, scores_qc, -np.inf).max(axis=1)
    wrong_q = np.where(right_qc, -np.inf, scores_qc).max(axis=1)
    found = 100 * float((right_q > wrong_q).mean())
    return name, found, len(scores_qc), 100 * float(right_qc.mean())


def write_measures(rows: list[dict[str, Any]], folder: Path) -> None:
    """Keep measures with the weights that they are of."""
    pq.write_table(pa.Table.from_pylist(rows), folder / HELD_OUT)
