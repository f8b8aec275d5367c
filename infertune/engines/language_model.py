"""A causal language model of transformers with its tokenizer, reduced to what generation needs."""

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from infertune.engines.slots import SlotCache
from infertune.errors import EngineError, InvalidInputError
from infertune.types import Prompt

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class LanguageModel:
    """Weights, tokenizer and limits of one model on one device.

    Attributes:
        tokenizer: The model's own.
        device: Where the weights are.
        dtype: Of weights, keys and values; logits are returned as computed.
        context_tokens: Most tokens of prompt and output together.
        eos_ids: Token ids that end a text.
    """

    def __init__(self, folder: Path | str, *, device: str | None, dtype: str | None) -> None:
        self.device = _device(device)
        self.dtype = _dtype(dtype, self.device)
        self.folder = folder
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model = AutoModelForCausalLM.from_pretrained(folder, dtype=self.dtype).to(self.device).eval()
        self.context_tokens = _context_tokens(self._model.config)
        self.eos_ids = _eos_ids(self._model, self.tokenizer)
        self._keep: tuple[Tensor, Tensor] | None = None
        self._model.get_output_embeddings().register_forward_pre_hook(self._select)

    def encode(self, prompt: Prompt) -> list[int]:
        """Return the token ids of a prompt; chat turns go through the model's chat template."""
        if isinstance(prompt, str):
            return list(self.tokenizer(prompt)["input_ids"])
        if not self.tokenizer.chat_template:
            raise InvalidInputError(
                f"a chat prompt needs a model with a chat template, and {self.folder} has none: "
                "use a plain prompt template instead"
            )
        turns = [{"role": message.role, "content": message.content} for message in prompt]
        text = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    @torch.inference_mode()
    def forward(
        self,
        cache: SlotCache,
        tokens: Tensor,
        positions: Tensor,
        slots: Tensor | None = None,
        keep: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Run the model over new tokens and return logits ``[kept, vocabulary]``.

        Args:
            cache: Holds the keys and values before, and the new ones after.
            tokens: int64 ``[rows, tokens]``.
            positions: int64 ``[rows, tokens]``.
            slots: int64 ``[rows]``, as `SlotCache.place` takes it.
            keep: Row and column indices of the tokens whose logits are wanted; None for the last of each row.
        """
        mask = cache.place(positions, slots)
        self._keep = keep or (torch.arange(len(tokens), device=self.device), torch.full((len(tokens),), -1))
        try:
            output = self._model(
                input_ids=tokens,
                position_ids=positions.clamp(max=self.context_tokens - 1),
                attention_mask=mask,
                past_key_values=cache,
                use_cache=True,
            )
        finally:
            self._keep = None
        logits: Tensor = output.logits[:, 0]
        return logits

    def fingerprint(self) -> str:
        """Return a digest of the model's files: small ones whole, weights by size and evenly spaced samples."""
        digest = hashlib.sha256()
        for path in sorted(Path(self.folder).iterdir()):
            if path.suffix in {".json", ".jinja", ".model", ".txt", ".safetensors"}:
                digest.update(f"{path.name}:{path.stat().st_size}\n".encode())
                digest.update(_content(path))
        return digest.hexdigest()[:16]

    def _select(self, module: torch.nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Before the output head: keep only the hidden states whose logits are wanted."""
        if self._keep is None:
            return arguments
        hidden, *rest = arguments
        return (hidden[self._keep[0], self._keep[1]][:, None], *rest)


def _content(path: Path) -> bytes:
    """Return a file's bytes, or of a large one 64 chunks spread over it: a fine-tuned copy differs everywhere."""
    size = path.stat().st_size
    chunk_bytes = 16_384
    with path.open("rb") as file:
        if size <= 64 * chunk_bytes:
            return file.read()
        chunks = []
        for index in range(64):
            file.seek(index * (size - chunk_bytes) // 63)
            chunks.append(file.read(chunk_bytes))
        return b"".join(chunks)


def _device(name: str | None) -> torch.device:
    if name is not None:
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _dtype(name: str | None, device: torch.device) -> torch.dtype:
    if name is None:
        return torch.bfloat16
    if name not in _DTYPES:
        raise InvalidInputError(f"dtype must be one of {', '.join(_DTYPES)}, not '{name}'")
    return _DTYPES[name]


def _context_tokens(config: Any) -> int:
    for name in ("max_position_embeddings", "n_positions", "seq_length"):
        if getattr(config, name, None):
            return int(getattr(config, name))
    return 2**31


def _eos_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    ids: set[int] = set()
    for source in (model.generation_config, model.config, tokenizer):
        value = getattr(source, "eos_token_id", None)
        ids.update([value] if isinstance(value, int) else value or [])
    return frozenset(ids)
