"""Builds the environments of the peers; what is there already stays.

python -m benchmarks.search.peers install [NAME ...]
"""

import argparse
import subprocess
import sys
import time

from benchmarks.search.peers.environments import ENVIRONMENTS, home, install


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("command", choices=["install"])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ENVIRONMENTS)}; all unless given")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in ENVIRONMENTS]
    if unknown:
        parser.error(f"the environments are {', '.join(ENVIRONMENTS)}, but found {', '.join(unknown)}")
    for name in arguments.names or ENVIRONMENTS:
        started = time.monotonic()
        try:
            new = install(name)
        except subprocess.CalledProcessError as error:
            sys.exit(f"{name} could not be installed: pip ended with status {error.returncode}, see above")
        print(f"{name}: {'built in ' + format(time.monotonic() - started, '.0f') + ' s' if new else 'is there'}")
    print(f"in {home()}")


if __name__ == "__main__":
    main()
