"""The bank's tables, in a database that they share with Optuna's; all names begin with ``bank_``."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Float, ForeignKey, Integer, LargeBinary, MetaData, String, Table, Text
from sqlalchemy.dialects import postgresql, sqlite

SCHEMA_VERSION = 2
INSERT: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""By backend, for ``on_conflict_do_nothing`` has no common form."""
KEYS_PER_QUERY = 500  # databases limit the number of bound values
RESCUE = "restore a copy of it; all other samples are whole, and another `study` name reuses them"

VERSION_TABLE = MetaData()
bank_schema = Table("bank_schema", VERSION_TABLE, Column("id", Integer, primary_key=True), Column("version", Integer))

TABLES = MetaData()
bank_engines = Table(
    "bank_engines",
    TABLES,
    Column("digest", String(32), primary_key=True),
    Column("facts", Text, nullable=False),  # JSON
)
bank_prompts = Table(
    "bank_prompts",
    TABLES,
    Column("digest", String(32), primary_key=True),
    Column("prompt", Text, nullable=False),  # JSON: a text, or [role, content] pairs
)
bank_requests = Table(
    "bank_requests",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("digest", String(32), nullable=False, unique=True),  # of the whole purchase: putting it twice books it once
    Column("key", String(32), nullable=False, index=True),
    Column("study", Text, nullable=False, index=True),
    Column("engine", String(32), ForeignKey(bank_engines.c.digest), nullable=False),
    Column("prompt", String(32), ForeignKey(bank_prompts.c.digest), nullable=False),
    Column("example_id", Text, nullable=False),
    Column("seed", Text, nullable=False),  # a seed may exceed 64 bits
    Column("decoding", Text, nullable=False),  # JSON
    Column("max_tokens", Integer, nullable=False),
    Column("stop", Text, nullable=False),  # JSON
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("extra_prompt_tokens", Integer, nullable=False),  # paid beyond the answer
    Column("extra_completion_tokens", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("error", Text, nullable=False),
    Column("landed_at", Float, nullable=False),  # seconds since 1970
)
bank_generations = Table(
    "bank_generations",
    TABLES,
    Column("request", Integer, ForeignKey(bank_requests.c.id), primary_key=True),
    Column("sample", Integer, primary_key=True),
    Column("finish_reason", String(8), nullable=False),
    Column("text", LargeBinary, nullable=False),  # UTF-8; a text column of PostgreSQL refuses U+0000
    Column("token_ids", LargeBinary, nullable=False),  # little-endian int32
    Column("logprobs", LargeBinary, nullable=False),  # little-endian float32, in which engines compute them
    Column("text_ends", LargeBinary, nullable=False),  # little-endian int32
)
