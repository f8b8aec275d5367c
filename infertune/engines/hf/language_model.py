"""A causal language model of transformers with its tokenizer, reduced to what generation over slots needs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from infertune.engines.hf import attention
from infertune.engines.hf.architecture import one_line
from infertune.engines.hf.chat import ChatTemplate, RefusedPromptError
from infertune.engines.hf.loading import load
from infertune.engines.hf.slots import SlotCache
from infertune.errors import EngineError, InvalidInputError, nearest
from infertune.types import Prompt

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_DEVICES = ("cuda", "mps", "cpu")

_CPU_MIN_ROWS = 16
"""Matrix products on a CPU give a row the same bits in any company from about this many rows on, not with fewer."""


_TRIAL_TEXT = "The capital of France is Paris, and the capital of Italy is"

# Root mean square, in standard deviations of the logits. SmolLM2-135M differs by 0.05 in bfloat16 and not at all in
# float32; where a key is lost or a position is wrong by 0.1 to 0.2, where tokens see what is hidden by 2.5.
_MOST_DIFFERENCE = {torch.float32: 0.01}
_MOST_DIFFERENCE_OTHERWISE = 0.3


class LanguageModel:
    """Weights, tokenizer and limits of one model on one device.

    Args:
        folder: Holds configuration, weights and tokenizer, or an adapter of peft.
        device: ``cuda``, ``mps`` or ``cpu``; None for the first that is there.
        dtype: ``float32``, ``bfloat16`` or ``float16``; None for what computes fastest on the device.

    Attributes:
        tokenizer: The model's own.
        chat: Its chat template.
        device: Where the weights are.
        dtype: Of weights, keys and values.
        context_tokens: Most tokens of prompt and output together.
        eos_ids: Token ids that end a text.
        min_rows: Fewest rows to run at once.

    Raises:
        EngineError: Generation over slots is not possible with this model, for example a recurrent one.
        InvalidInputError: It is no causal language model, or its files do not fit together.
        DataUnavailableError: Files of it or a package that it needs are missing.
    """

    def __init__(self, folder: Path, *, device: str | None, dtype: str | None) -> None:
        self.device = device_named(device)
        self.dtype = dtype_named(dtype, self.device)
        self.min_rows = _CPU_MIN_ROWS if self.device.type == "cpu" else 1
        self._folder = folder
        self._model, self.tokenizer = load(folder, dtype=self.dtype, device=self.device, attention="eager")
        self._vocabulary = self._model.get_input_embeddings().weight.shape[0]
        self.chat = ChatTemplate(self.tokenizer, folder)
        self.context_tokens = context_tokens_of(self._model)
        self.eos_ids = _eos_ids(self._model, self.tokenizer)
        self._keep: tuple[Tensor, Tensor] | None = None
        self._try_out()

    def tensor(self, values: Sequence[object]) -> Tensor:
        """Return whole numbers, nested or not, where the model computes."""
        return torch.tensor(values, dtype=torch.int64, device=self.device)

    def encode(self, prompt: Prompt) -> list[int]:
        """Return the token ids of a prompt; chat turns go through the model's chat template.

        Raises:
            RefusedPromptError: The template does not take the turns, or the model has no row for a token.
            InvalidInputError: There is no chat template.
        """
        if isinstance(prompt, str):
            ids = list(self.tokenizer(prompt)["input_ids"])
        else:
            ids = list(self.tokenizer(self.chat.render(prompt), add_special_tokens=False)["input_ids"])
        if beyond := [number for number in ids if number >= self._vocabulary]:
            raise RefusedPromptError(
                f"the prompt has the token '{self.tokenizer.convert_ids_to_tokens(beyond[0])}', number {beyond[0]}, "
                f"and the model in {self._folder} knows {self._vocabulary} tokens"
            )
        return ids

    def forward(
        self,
        cache: SlotCache,
        tokens: Tensor,
        positions: Tensor,
        *,
        slots: Tensor | None = None,
        keep: list[tuple[int, int]] | None = None,
    ) -> Tensor:
        """Run the model over new tokens and return logits ``[kept, vocabulary]``.

        Args:
            cache: Holds the keys and values before, and the new ones after.
            tokens: int64 ``[rows, tokens]``.
            positions: int64 ``[rows, tokens]``.
            slots: int64 ``[rows]``, as `SlotCache.place` takes it.
            keep: (row, column) of the tokens whose logits are wanted; None for the last of each row.
        """
        wanted = [(row, -1) for row in range(len(tokens))] if keep is None else keep
        padded = wanted + [(0, 0)] * (self.min_rows - len(wanted))
        mask = cache.place(positions, slots)
        self._keep = tuple(torch.tensor(index, device=self.device) for index in zip(*padded, strict=True))
        try:
            with torch.inference_mode():
                output = self._model(
                    input_ids=tokens,
                    position_ids=positions.clamp(max=self.context_tokens - 1),  # padding may lie beyond the last
                    attention_mask=mask,
                    past_key_values=cache,
                    use_cache=True,
                )
        finally:
            self._keep = None
        logits: Tensor = output.logits[: len(wanted), 0]
        return logits

    def _try_out(self) -> None:
        """Switch to the attention that generation uses, and check it on a short text against the model's own."""
        ids = torch.tensor([self.tokenizer(_TRIAL_TEXT)["input_ids"]], device=self.device)
        ids = ids[:, : self.context_tokens] % self._model.config.get_text_config().vocab_size
        n = ids.shape[1] - 1  # before the last token, which is what generation adds
        try:
            with torch.inference_mode():
                expected = self._model(input_ids=ids).logits[0, -1].float()
            use_torch = self.device.type != "cpu" and self._model._supports_sdpa
            self._model.set_attn_implementation("sdpa" if use_torch else attention.NAME)
            self._model.get_output_embeddings().register_forward_pre_hook(self._select)
            cache = SlotCache(max(2, self.min_rows))
            slot = torch.tensor([1], device=self.device)
            self.forward(cache, ids[:, :n], torch.arange(n, device=self.device)[None], slots=slot)
            rows = cache.n_slots
            actual = self.forward(cache, ids[:, n:].expand(rows, 1), torch.full((rows, 1), n, device=self.device))[1]
        except Exception as error:  # whatever a model's own code raises when it is asked for what it cannot do
            raise EngineError(f"the hf engine cannot run the model in {self._folder}: {one_line(error)}") from error
        if not torch.isfinite(expected).all():
            raise EngineError(
                f"the model in {self._folder} computes no finite logits in {str(self.dtype).removeprefix('torch.')}; "
                "another `dtype` may"
            )
        difference = float((actual.float() - expected).square().mean().sqrt() / expected.std())
        if not difference < _MOST_DIFFERENCE.get(self.dtype, _MOST_DIFFERENCE_OTHERWISE):
            raise EngineError(
                f"the hf engine cannot run the model in {self._folder}: with keys and values in slots its logits must "
                f"be those of one pass, but they differ by {difference:.2g} standard deviations"
            )

    def _select(self, module: torch.nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Before the output head: keep only the hidden states whose logits are wanted."""
        if self._keep is None:
            return arguments
        hidden, *rest = arguments
        return (hidden[self._keep][:, None], *rest)


def device_named(name: str | None) -> torch.device:
    """Return the device of a name, or the first that is there; raise InvalidInputError where there is no such one."""
    if name is None:
        available = (torch.cuda.is_available(), torch.backends.mps.is_available(), True)
        return torch.device(_DEVICES[available.index(True)])
    if name.split(":")[0] not in _DEVICES:
        raise InvalidInputError(f"device must be one of {', '.join(_DEVICES)}, not '{name}'{nearest(name, _DEVICES)}")
    device = torch.device(name)
    if (device.type == "cuda" and not torch.cuda.is_available()) or (
        device.type == "mps" and not torch.backends.mps.is_available()
    ):
        raise InvalidInputError(f"device '{name}' is not available to torch on this machine; 'cpu' always is")
    return device


def dtype_named(name: str | None, device: torch.device) -> torch.dtype:
    """Return what a model computes in; None for what is fastest on the device.

    Raises:
        InvalidInputError: There is none of the name.
    """
    if name is not None:
        if name not in _DTYPES:
            raise InvalidInputError(f"dtype must be one of {', '.join(_DTYPES)}, not '{name}'{nearest(name, _DTYPES)}")
        return _DTYPES[name]
    return default_dtype(device)


def default_dtype(device: torch.device) -> torch.dtype:
    """Return what computes fastest on a device."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device.type == "mps":
        return torch.float16
    # A CPU with bfloat16 instructions is two to three times faster with them, one without is far slower.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return torch.bfloat16 if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else torch.float32


def context_tokens_of(model: Any) -> int:
    """Return a model's context length, at most the attention window: within it a window changes nothing."""
    config = model.config.get_text_config(decoder=True)
    unknown = 2**31
    limits = [getattr(config, name, None) or unknown for name in ("max_position_embeddings", "n_positions")]
    layer_types = getattr(config, "layer_types", None)
    if layer_types is None or "sliding_attention" in layer_types:
        limits.append(getattr(config, "sliding_window", None) or unknown)
    if layer_types is not None and "chunked_attention" in layer_types:
        limits.append(getattr(config, "attention_chunk_size", None) or unknown)
    return min(limits)


def _eos_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    ids: set[int] = set()
    for source in (model.generation_config, model.config, tokenizer):
        value = getattr(source, "eos_token_id", None)
        ids.update([value] if isinstance(value, int) else value or [])
    return frozenset(ids)
