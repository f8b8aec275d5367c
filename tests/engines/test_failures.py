"""Failures of servers are told apart by logs of a real vLLM 0.32, made to fail in each way."""

from pathlib import Path

import pytest

from infertune.engines.process.failures import nearest_flag, of_ended_server

LOGS = Path(__file__).parent / "server_logs"


@pytest.mark.parametrize(
    ("log", "exit_code", "kind", "line"),
    [
        ("unknown_flag", 2, "bad argument", "unrecognized arguments: --max-num-seq-s"),
        ("bad_value", 2, "bad argument", "argument --max-num-seqs: invalid int value: 'many'"),
        ("bad_choice", 2, "bad argument", "argument --dtype: invalid choice: 'int3' (choose from 'auto', "),
        ("bad_method", 1, "bad argument", "Input should be 'ngram', 'medusa', "),
        ("bad_block_size", 1, "bad argument", "ValueError: No common block size for 17 (CPU_ATTN: [MultipleOf(32)])."),
        ("too_long", 1, "bad argument", "User-specified max_model_len (999999) is greater than the derived "),
        ("no_folder", 1, "model not found", "huggingface_hub.errors.HFValidationError: Repo id must be in the form "),
        ("no_hub_model", 1, "model not found", "huggingface_hub.errors.LocalEntryNotFoundError: Cannot find an "),
        ("cache_beyond_memory", 1, "out of memory", "ValueError: Available memory on node 0 (14.75/17.96 GiB) on kv "),
        ("cache_too_small", 1, "out of memory", "ValueError: To serve at least one request with the model's max seq "),
        ("port_taken", 1, "port taken", "OSError: [Errno 98] Address already in use"),
    ],
)
def test_a_start_that_failed(log: str, exit_code: int, kind: str, line: str) -> None:
    failure = of_ended_server((LOGS / f"{log}.txt").read_text(), exit_code=exit_code, was_ready=False)
    assert (failure.kind, failure.exit_code) == (kind, exit_code)
    assert failure.line.startswith(line)
    assert "input_value" not in failure.line
    assert str(failure).startswith(f"{kind}: {line}")


def test_an_unknown_flag_is_named_with_the_nearest() -> None:
    log = (LOGS / "unknown_flag.txt").read_text()
    failure = of_ended_server(log, exit_code=2, was_ready=False)
    assert nearest_flag(failure, log) == "; did you mean 'max-num-seqs'?"
    other = of_ended_server((LOGS / "bad_value.txt").read_text(), exit_code=2, was_ready=False)
    assert nearest_flag(other, log) == ""


@pytest.mark.parametrize(
    "line",
    [
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79 GiB",
        "RuntimeError: [enforce fail at alloc_cpu.cpp:118] . DefaultCPUAllocator: can't allocate memory: you tried to",
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`",
        "ValueError: Free memory on device cuda:0 (3.1/79.1 GiB) on startup is less than desired GPU memory "
        "utilization (0.92, 72.8 GiB).",
        "MemoryError",
        "terminate called after throwing an instance of 'std::bad_alloc'",
    ],
)
@pytest.mark.parametrize("was_ready", [False, True])
def test_memory_that_ran_out(line: str, was_ready: bool) -> None:
    log = f"INFO 11-25 01:31:27 [core.py:1] reserve less to avoid out of memory\n{line}\nINFO:     Finished\n"
    failure = of_ended_server(log, exit_code=1, was_ready=was_ready)
    assert (failure.kind, failure.line) == ("out of memory", line)


def test_a_value_that_is_wrong_later_is_no_bad_argument() -> None:
    assert of_ended_server("ValueError: x", exit_code=1, was_ready=False).kind == "bad argument"
    assert of_ended_server("ValueError: x", exit_code=1, was_ready=True).kind == "crash"


def test_the_cause_is_named_and_not_its_consequence() -> None:
    log = (
        "(EngineCore pid=7) ERROR 11-25 02:11:27 [core.py:1512] RuntimeError: CPU Generator does not use offset\n"
        "(APIServer pid=6) ERROR 11-25 02:11:27 [async_llm.py:700] vllm.v1.engine.exceptions.EngineDeadError: "
        "EngineCore encountered an issue. See stack trace (above) for the root cause.\n"
    )
    failure = of_ended_server(log, exit_code=1, was_ready=True)
    assert (failure.kind, failure.line) == ("crash", "RuntimeError: CPU Generator does not use offset")


# Who killed it?


@pytest.mark.parametrize("exit_code", [-9, -15, -2, 0])
def test_a_kill_from_outside(exit_code: int) -> None:
    failure = of_ended_server("INFO:     Application startup complete.\n", exit_code=exit_code, was_ready=True)
    assert failure.kind == "killed"
    assert "SIG" in failure.line


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("engine_killed", "[shutdown] MPClient: engine core exited unexpectedly; starting cleanup"),
        ("worker_killed", "Worker proc VllmWorker-0 died unexpectedly (exit code: -9), shutting down executor."),
    ],
)
def test_a_kill_of_one_of_its_processes(log: str, line: str) -> None:
    """The server itself ends with 0 then."""
    text = (LOGS / f"{log}.txt").read_text()
    failure = of_ended_server(text, exit_code=0, was_ready=True)
    assert (failure.kind, failure.line) == ("killed", line)
    starved = of_ended_server(text, exit_code=0, was_ready=True, n_oom_kills=1)
    assert starved.kind == "out of memory" and starved.line.startswith(line)


def test_a_kill_by_the_system_for_want_of_memory() -> None:
    assert of_ended_server("", exit_code=-9, was_ready=True, n_oom_kills=1).kind == "out of memory"
    assert of_ended_server("", exit_code=-15, was_ready=True, n_oom_kills=1).kind == "killed"


def test_a_signal_with_an_error_in_the_log_is_the_error() -> None:
    assert of_ended_server("RuntimeError: x\n", exit_code=-9, was_ready=True).kind == "crash"


def test_a_fault_of_one_of_its_processes() -> None:
    log = "Fatal Python error: Segmentation fault\n" + (LOGS / "engine_killed.txt").read_text()
    failure = of_ended_server(log, exit_code=0, was_ready=True)
    assert (failure.kind, failure.line) == ("crash", "Fatal Python error: Segmentation fault")


def test_an_end_without_a_word() -> None:
    for exit_code, line in [
        (-11, "it ended by SIGSEGV"),
        (3, "last words (exit code 3)"),
        (-99, "it ended by signal 99"),
    ]:
        failure = of_ended_server("first\nlast words\n\n", exit_code=exit_code, was_ready=True)
        assert (failure.kind, failure.line) == ("crash", line)
    assert of_ended_server("", exit_code=3, was_ready=True).line == "the log is empty (exit code 3)"


# Servers that are no vLLM, whose logs mark no line as the error


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("error: invalid argument: --parallell", "bad argument"),
        ('error while handling argument "-np": stoi', "bad argument"),
        ("start: couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 8080", "port taken"),
        ("alloc_buffer: allocating 9216.00 MiB on device 0: cudaMalloc failed: out of memory", "out of memory"),
        ("llama_model_load: error loading model: unable to allocate CUDA0 buffer", "out of memory"),
        ("gguf_init_from_file: failed to open GGUF file 'no.gguf' (No such file or directory)", "model not found"),
    ],
)
def test_what_llama_cpp_says(line: str, kind: str) -> None:
    log = f"build: 1 (2) with cc\nsystem info: n_threads = 2\n{line}\nmain: exiting due to model loading error\n"
    failure = of_ended_server(log, exit_code=1, was_ready=False)
    assert (failure.kind, failure.line) == (kind, line)
    assert of_ended_server(log, exit_code=-9, was_ready=True).kind == "killed"
