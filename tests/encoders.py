"""A tiny encoder that several test files train."""

import torch
from torch import nn
from transformers import BertConfig, BertModel


def tiny_bert(dropout: float = 0.0) -> nn.Module:
    """One layer of eight dimensions over forty words, the same weights each time.

    The seed that drew them is left where heads drawn next are the same as well.
    """
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=40,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        initializer_range=0.4,
    )
    encoder: nn.Module = BertModel(config, add_pooling_layer=False)
    return encoder
