"""A whole model folder of a few kilobytes: two layers of Llama with random weights, and a tokenizer of bytes."""

import json
from pathlib import Path
from typing import Any

TEMPLATE = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}\n{% endfor %}<assistant>"


def tokenizer(folder: Path, *, template: str | None = TEMPLATE) -> int:
    """Write a tokenizer and return how many tokens it has."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={"<s>": 0, "</s>": 1, **{c: i for i, c in enumerate(alphabet, 2)}}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>", chat_template=template)
    fast.save_pretrained(folder)
    return len(fast)


def write(folder: Path, *, template: str | None = TEMPLATE, shards: bool = False, **config: Any) -> Path:
    """Write model and tokenizer; ``config`` overrides Llama's configuration."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    size = {
        "vocab_size": tokenizer(folder, template=template),
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "bos_token_id": 0,
        "eos_token_id": 1,
    }
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**{**size, **config}))
    model.save_pretrained(folder, max_shard_size="12KB" if shards else "1GB")
    return folder


def edit(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file; None takes a key away."""
    found = json.loads(path.read_text())
    found.update(changes)
    path.write_text(json.dumps({name: value for name, value in found.items() if value is not None}))
