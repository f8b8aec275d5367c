"""The values that all parts exchange: requests and responses, configurations, orders and their evidence."""

from infertune.types.configuration import Configuration
from infertune.types.requests import (
    REFUSED,
    Decoding,
    Engine,
    Example,
    FinishReason,
    Generation,
    Message,
    Prompt,
    Request,
    Response,
    Scalar,
    Unsupported,
)

__all__ = [
    "REFUSED",
    "Configuration",
    "Decoding",
    "Engine",
    "Example",
    "FinishReason",
    "Generation",
    "Message",
    "Prompt",
    "Request",
    "Response",
    "Scalar",
    "Unsupported",
]
