"""The sample bank: every generation ever paid for, found again by what shaped it. Append-only, SQL, many writers.

A sample is keyed by the engine's facts, prompt, decoding settings, seed, example and sample index, but not by
``max_tokens`` and stop texts: a long generation made without stop texts answers for every shorter one (`cut`).
A row of ``bank_requests`` is one purchase, booked to the study that paid; ``bank_generations`` holds its samples.
"""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select

from infertune.bank import books
from infertune.bank.database import check_whole, connect, create_tables, damaged, readable_errors
from infertune.bank.keys import canonical_json, digest_of, keys_of, prompt_json, stop_json
from infertune.bank.listing import samples_of
from infertune.bank.rows import PURCHASE, TOKEN_BYTES, as_row, changed, generation_of, purchase_digest
from infertune.bank.tables import (
    INSERT,
    KEYS_PER_QUERY,
    RESCUE,
    SCHEMA_VERSION,
    TABLES,
    VERSION_TABLE,
    bank_engines,
    bank_generations,
    bank_prompts,
    bank_requests,
    bank_schema,
)
from infertune.bank.usage import Usage
from infertune.decoding.truncation import cut
from infertune.errors import InvalidInputError
from infertune.types import Generation, Request, Response

__all__ = ["SampleBank", "cut"]

_SHAPE = (
    bank_generations.c.sample,
    bank_generations.c.finish_reason,
    func.length(bank_generations.c.token_ids).label("token_bytes"),
    func.length(bank_generations.c.text_ends).label("end_bytes"),
)


class SampleBank:
    """Opens the bank of a SQLite file or a database URL, creating its tables where there are none.

    Any number of processes may read and write at once, and any may be killed: what `put` returned from is there, what
    it did not return from is there whole or not at all.

    Attributes:
        url: Of the database, for the trial log that shares it.

    Raises:
        InvalidInputError: No such URL or folder, not a database, another program's, or a newer infertune's.
        DataUnavailableError: The database is damaged, not writable, or not reachable.
    """

    def __init__(self, url_or_path: str | Path) -> None:
        self._engine = connect(url_or_path, own_prefix="bank_")
        self.url = self._engine.url.render_as_string(hide_password=False)
        insert = INSERT[self._engine.url.get_backend_name()]
        self._new = {each: insert(each).on_conflict_do_nothing() for each in (bank_schema, *TABLES.sorted_tables)}
        self._stored: set[str] = set()  # engines and prompts, by their digests
        with readable_errors(self._engine):
            create_tables(self._engine, VERSION_TABLE)
            with self._engine.begin() as connection:
                connection.execute(self._new[bank_schema], {"id": 1, "version": SCHEMA_VERSION})
                version = connection.execute(select(bank_schema.c.version)).scalar_one()
            if version != SCHEMA_VERSION:
                self.close()
                raise InvalidInputError(
                    f"{self._engine.url.database} must hold a bank of version {SCHEMA_VERSION}, but holds version "
                    f"{version}: use the infertune that wrote it, or another file"
                )
            check_whole(self._engine, list(TABLES.tables))
            create_tables(self._engine, TABLES)

    def put(self, study: str, facts: Mapping[str, str], response: Response) -> None:
        """Append a response, all of its samples in one transaction; putting the same response again changes nothing.

        A failed response is booked as a failure and never returned as a sample.

        Args:
            study: Who paid.
            facts: `Engine.facts` of the engine that answered.
            response: As the engine gave it. Log probabilities are kept as float32.
        """
        request = response.request
        prompt, engine = prompt_json(request.prompt), canonical_json(dict(facts))
        samples = [as_row(generation) for generation in response.generations]
        key = keys_of(facts, [request])[0]
        settings = asdict(request.decoding)
        if not request.decoding.extra:
            del settings["extra"]
        digests = {"engine": digest_of(engine), "prompt": digest_of(prompt)}
        bought = {
            "key": key,
            "study": study,
            **digests,
            "example_id": request.example_id,
            "seed": str(request.seed),
            "decoding": canonical_json(settings),
            "max_tokens": request.decoding.max_tokens,
            "stop": stop_json(request.decoding.stop),
            "prompt_tokens": response.prompt_tokens,
            "completion_tokens": response.completion_tokens,
            "extra_prompt_tokens": response.extra_prompt_tokens,
            "extra_completion_tokens": response.extra_completion_tokens,
            "seconds": float(response.seconds),
            "error": response.error,
        }
        digest = purchase_digest(bought, samples)
        with readable_errors(self._engine), self._engine.begin() as connection:
            if digests["engine"] not in self._stored:
                connection.execute(self._new[bank_engines], {"digest": digests["engine"], "facts": engine})
            if digests["prompt"] not in self._stored:
                connection.execute(self._new[bank_prompts], {"digest": digests["prompt"], "prompt": prompt})
            bought |= {"digest": digest, "landed_at": time.time()}
            booked = connection.execute(self._new[bank_requests], bought)
            # With no row made it was put before, whole.
            if samples and booked.rowcount and (number := booked.inserted_primary_key):
                rows = [{"request": number[0]} | sample for sample in samples]
                connection.execute(self._new[bank_generations], rows)
        self._stored.update(digests.values())

    def missing(self, facts: Mapping[str, str], requests: Iterable[Request]) -> list[Request]:
        """Return the requests in order, reduced to what must be generated; those with nothing left are left out.

        What the bank holds is left out, and what another of the requests brings: a sample that is wished for at
        several ``max_tokens`` is generated once, at the largest.
        """
        wished = list(requests)
        keys = keys_of(facts, wished)
        stored = self._rows(keys, *_SHAPE)
        needed: dict[tuple[str, tuple[str, ...]], dict[int, int]] = defaultdict(dict)  # sample -> max_tokens
        for key, request in zip(keys, wished, strict=True):
            held = {row.sample for row in _serving(stored[key], request)}
            limits = needed[key, request.decoding.stop]
            for sample in set(request.samples) - held:
                limits[sample] = max(limits.get(sample, 0), request.decoding.max_tokens)
        lacking = []
        for key, request in zip(keys, wished, strict=True):
            limits = needed[key, request.decoding.stop]
            samples = tuple(s for s in request.samples if limits.get(s) == request.decoding.max_tokens)
            for sample in samples:
                del limits[sample]
            if samples:
                lacking.append(replace(request, samples=samples))
        return lacking

    def get(self, facts: Mapping[str, str], requests: Iterable[Request]) -> list[Response]:
        """Return what the bank holds of each request, cut as the engine would have for its limit and stop texts.

        Returns:
            One response per request, in order, its own request reduced to the samples that are there: all of them,
            some, or none. One with none carries the error with which the same request last failed, if it did. A
            sample that was bought more than once is the one bought first, so that an answer once given stays.
        """
        wished = list(requests)
        keys = keys_of(facts, wished)
        stored = self._rows(keys, *PURCHASE, *bank_generations.c, *_SHAPE[2:])
        for rows in stored.values():
            if what := changed(rows):
                raise damaged(self._engine, what, "its digest is another", rescue=RESCUE)
        return [_response(request, stored[key]) for key, request in zip(keys, wished, strict=True)]

    def engines(self) -> list[dict[str, str]]:
        """Return the facts of every engine that has answered here."""
        with readable_errors(self._engine), self._engine.connect() as connection:
            stored = connection.execute(select(bank_engines).order_by(bank_engines.c.digest)).all()
        for row in stored:
            if digest_of(str(row.facts)) != row.digest:
                raise damaged(self._engine, "what is known of an engine", "its digest is another", rescue=RESCUE)
        return [json.loads(row.facts) for row in stored]

    def spent(self, study: str) -> Usage:
        """Return what a study has paid so far; nothing for a study that the bank does not know."""
        return books.spent(self._engine, study)

    def spent_on(self, study: str, facts: Mapping[str, str], requests: Sequence[Request]) -> Usage:
        """Return what a study has paid so far for some requests, whichever of their samples and limits that bought."""
        return books.spent(self._engine, study, keys_of(facts, requests))

    def spent_by_prompt(self, study: str) -> Iterator[tuple[str, str, Usage]]:
        """Yield example, digest of the prompt (`infertune.bank.keys.prompt_digest`) and what a study paid for them."""
        return books.by_prompt(self._engine, study)

    def samples(self, study: str) -> Iterator[Mapping[str, Any]]:
        """Yield a record for each sample that a study has bought, and for each failed request, in their order."""
        return samples_of(self._engine, study)

    def close(self) -> None:
        """Close the connections; it may be called twice."""
        self._engine.dispose()

    def _rows(self, keys: Sequence[str], *columns: ColumnElement[Any]) -> Mapping[str, list[Row[Any]]]:
        """Return purchases and their samples by key, first bought first; a failed one is a row without a sample."""
        needed = (bank_requests.c.key, bank_requests.c.max_tokens, bank_requests.c.stop, *columns)
        wanted = select(*dict.fromkeys(needed))
        joined = wanted.outerjoin_from(bank_requests, bank_generations).order_by(bank_requests.c.id)
        found: dict[str, list[Row[Any]]] = defaultdict(list)
        unique = list(dict.fromkeys(keys))
        with readable_errors(self._engine), self._engine.connect() as connection:
            for start in range(0, len(unique), KEYS_PER_QUERY):
                some = unique[start : start + KEYS_PER_QUERY]
                for row in connection.execute(joined.where(bank_requests.c.key.in_(some))):
                    found[row.key].append(row)
        return found


def _response(request: Request, rows: Sequence[Row[Any]]) -> Response:
    found: dict[int, Row[Any]] = {}
    for row in _serving(rows, request):
        found.setdefault(row.sample, row)
    chosen = [found[sample] for sample in request.samples if sample in found]
    failures = [row.error for row in rows if row.error and row.max_tokens == request.decoding.max_tokens]
    return Response(
        request=replace(request, samples=tuple(row.sample for row in chosen)),
        generations=tuple(_cut(row, request) for row in chosen),
        prompt_tokens=max((row.prompt_tokens for row in chosen), default=0),
        seconds=max((row.seconds for row in chosen), default=0.0),
        error=failures[-1] if failures and not chosen else "",
    )


def _serving(rows: Iterable[Row[Any]], request: Request) -> Iterator[Row[Any]]:
    """Yield the stored samples that, once cut, are what the engine would answer to this request."""
    own_stop = stop_json(request.decoding.stop)
    for row in rows:
        if row.sample is None or row.stop not in ("[]", own_stop):
            continue
        ended = row.finish_reason == "stop" or row.max_tokens >= request.decoding.max_tokens
        fits = row.token_bytes <= TOKEN_BYTES * request.decoding.max_tokens
        as_made = row.stop == own_stop and (fits or row.max_tokens == request.decoding.max_tokens)
        can_be_cut = row.end_bytes == row.token_bytes
        if ended and (as_made or can_be_cut):
            yield row


def _cut(row: Row[Any], request: Request) -> Generation:
    stop = request.decoding.stop if row.stop == "[]" else ()
    return cut(generation_of(row), max_tokens=request.decoding.max_tokens, stop=stop)
