"""A subword tokenizer trained on an initialisation's own text, with XLM-R's special tokens."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tokenizers import Tokenizer
from tokenizers.decoders import Metaspace as MetaspaceDecoder
from tokenizers.models import BPE
from tokenizers.normalizers import NFKC
from tokenizers.pre_tokenizers import Metaspace
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

SPECIAL = {
    "cls_token": "<s>",
    "pad_token": "<pad>",
    "sep_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}
"""In the order of their ids."""

COVERAGE = 0.9995
"""Share of the characters that the vocabulary holds: SentencePiece's own default (Kudo & Richardson
2018, arXiv 1808.06226); of languages with many signs the rarest are unknown."""


def trained_tokenizer(texts: Sequence[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Byte pairs of characters, merged by frequency; the same for the same texts.

    The alphabet is chosen here: the library's own limit drops one of equally rare characters by
    chance, and unigram models come out differently each time.

    Args:
        texts: what it is trained on.
        vocabulary: most tokens, special ones included.

    Raises:
        ValueError: the alphabet alone is larger.
    """
    plain = [unicodedata.normalize("NFKC", text) for text in texts]
    rare = _rare(plain)
    kept = len(set().union(*map(set, plain))) - len(rare)
    if kept + len(SPECIAL) > vocabulary:
        raise ValueError(
            f"vocabulary={vocabulary} is smaller than the {kept} characters that the texts need: "
            f"give at least {2 * kept}, or fewer languages"
        )
    blank = str.maketrans(dict.fromkeys(rare, " "))
    made = Tokenizer(BPE(unk_token=SPECIAL["unk_token"]))
    made.normalizer = NFKC()
    made.pre_tokenizer = Metaspace()
    made.decoder = MetaspaceDecoder()
    trainer = BpeTrainer(
        vocab_size=vocabulary, special_tokens=[*SPECIAL.values()], show_progress=False
    )
    made.train_from_iterator((text.translate(blank) for text in plain), trainer, length=len(plain))
    made.post_processor = TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[(token, made.token_to_id(token)) for token in ("<s>", "</s>")],
    )
    return _fast(made)


def _rare(texts: Sequence[str]) -> set[str]:
    """Characters beyond the coverage, the rarest of all."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    missing, rare = (1 - COVERAGE) * counts.total(), set()
    for character, count in sorted(counts.items(), key=lambda item: (item[1], item[0])):
        if count > missing:
            break
        missing -= count
        rare.add(character)
    return rare


def _fast(made: Tokenizer) -> Any:
    return PreTrainedTokenizerFast(
        tokenizer_object=made, model_input_names=["input_ids", "attention_mask"], **SPECIAL
    )
