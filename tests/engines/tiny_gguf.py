"""A package with a quantised model's file, as the bundled one has it, but of a few kilobytes and random weights."""

from pathlib import Path


def write(package: Path, file: str) -> None:
    """Write the package: one layer of Llama that reads byte by byte."""
    import gguf
    import numpy as np
    from tokenizers import pre_tokenizers

    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    a, b = alphabet[60:62]
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokens = [*special, *alphabet, a + b]
    width = 32
    made = gguf.GGUFWriter(str(package / file), "llama")
    made.add_context_length(64)
    made.add_embedding_length(width)
    made.add_block_count(1)
    made.add_feed_forward_length(width)
    made.add_head_count(2)
    made.add_head_count_kv(2)
    made.add_layer_norm_rms_eps(1e-5)
    made.add_rope_dimension_count(width // 2)
    made.add_rope_freq_base(10_000.0)
    made.add_vocab_size(len(tokens))
    made.add_tokenizer_model("gpt2")
    made.add_token_list(tokens)
    made.add_token_types([3] * len(special) + [1] * (len(tokens) - len(special)))
    made.add_token_merges([f"{a} {b}"])
    made.add_bos_token_id(1)
    made.add_eos_token_id(2)
    made.add_unk_token_id(0)
    made.add_pad_token_id(2)
    source = np.random.default_rng(0)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        made.add_tensor(f"blk.0.{name}.weight", source.normal(size=(width, width)).astype(np.float32))
    for name in ("blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"):
        made.add_tensor(f"{name}.weight", np.ones(width, dtype=np.float32))
    made.add_tensor("token_embd.weight", source.normal(size=(len(tokens), width)).astype(np.float32))
    made.write_header_to_file()
    made.write_kv_data_to_file()
    made.write_tensors_to_file()
    made.close()
