"""Tiny checkpoints on disk with a real tokenizer, for studies of real rows."""

from pathlib import Path

import torch
from transformers import BertConfig, BertModel

from tests.tokenizers import minilm_tokenizer


def tiny_checkpoint(folder: Path, positions: int = 128) -> Path:
    """A one-layer encoder of eight dimensions and so many positions, always the same weights."""
    torch.manual_seed(0)
    tokenizer = minilm_tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=positions,
        initializer_range=0.4,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
