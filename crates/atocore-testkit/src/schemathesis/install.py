"""Sees to it that schemathesis is in FOLDER, and prints the program.

    python3 install.py FOLDER

It comes from the Python package index into a virtual environment of its own. What is here already is tried and kept.
"""

import fcntl
import pathlib
import shutil
import subprocess
import sys

# The only place that names it.
VERSION = "4.32.5"


def works(program):
    return program.exists() and subprocess.run([program, "--version"], capture_output=True).returncode == 0


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    home = folder / f"schemathesis-{VERSION}"
    program = home / "bin" / "schemathesis"
    # Tests of several processes come here at the same time.
    with open(folder / "schemathesis.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not works(program):
            shutil.rmtree(home, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True, stdout=sys.stderr)
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", home / "bin" / "python", "install"]
            subprocess.run([*pip, "--quiet", f"schemathesis=={VERSION}"], check=True, stdout=sys.stderr)
            if not works(program):
                sys.exit(f"schemathesis was installed into {home}, and does not work")
    print(program)


main(pathlib.Path(sys.argv[1]).absolute())
