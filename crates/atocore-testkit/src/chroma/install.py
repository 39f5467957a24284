"""Sees to it that a Chroma server for tests is in FOLDER, and prints the program that runs it.

    python3 install.py FOLDER

It comes from the Python package index into a virtual environment of its own: the server alone, which is written in Rust,
without the Python packages that only its client needs. What is here already is tried and kept.
"""

import fcntl
import pathlib
import shutil
import subprocess
import sys

# The only place that names it.
VERSION = "1.5.9"

RUN = "import sys, chromadb_rust_bindings as chroma; chroma.cli(['chroma'] + sys.argv[1:])"


def works(python):
    return python.exists() and subprocess.run([python, "-c", "import chromadb_rust_bindings"], capture_output=True).returncode == 0


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    home = folder / f"chroma-{VERSION}"
    program = home / "server"
    # Tests of several processes come here at the same time.
    with open(folder / "chroma.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        python = home / "bin" / "python"
        if not (program.exists() and works(python)):
            shutil.rmtree(home, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True, stdout=sys.stderr)
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python, "install"]
            subprocess.run([*pip, "--quiet", "--no-deps", f"chromadb=={VERSION}"], check=True, stdout=sys.stderr)
            program.write_text(f'#!/bin/sh\nexec "{python}" -c "{RUN}" "$@"\n')
            program.chmod(0o755)
    print(program)


main(pathlib.Path(sys.argv[1]).absolute())
