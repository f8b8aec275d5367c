"""A server as a command for a shell, or as a unit of systemd."""

import re

from infertune.exports.quoting import folded, shell_lines
from infertune.exports.service import Service


def command_line(service: Service) -> str:
    """Return one command for a POSIX shell, one flag with its value on a line."""
    return shell_lines(service.words())


def systemd_unit(service: Service) -> str:
    """Return a unit file; ``/usr/bin/env`` finds the program in the PATH of the service."""
    command = folded(["/usr/bin/env", *service.words()], _systemd_word)
    return f"""\
[Unit]
Description={_systemd_text(f"Inference server for {service.model}")}
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStart={command}
Restart=on-failure
RestartSec=5
KillMode=control-group
TimeoutStopSec=60

[Install]
WantedBy=multi-user.target
"""


def _systemd_word(word: str) -> str:
    """Quote a word of ``ExecStart`` (systemd.service(5), "Command lines"): C escapes, and ``%`` and ``$`` doubled."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    escaped = re.sub(r"[\x01-\x1f\x7f]", lambda found: f"\\x{ord(found[0]):02x}", escaped)
    escaped = _systemd_text(escaped).replace("$", "$$")
    return escaped if re.fullmatch(r"[\w./:=,%$@+-]+", word) else f'"{escaped}"'


def _systemd_text(text: str) -> str:
    return text.replace("%", "%%")
