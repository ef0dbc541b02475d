#!/usr/bin/env python3
"""Runs the example of docs/dry-run.md: writes its files, runs its commands, and compares what they print, to the letter.

A block "```json NAME" is a file; in a block "```console" each line "$ COMMAND" is followed by what it prints; any other JSON block
has the last line of the same example with --json.
"""

import os
import re
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(command, folder, status, path):
    """What it prints, and its exit status; $? in it is that of the command before."""
    done = subprocess.run(["bash", "-c", command.replace("$?", str(status))], cwd=folder, text=True, timeout=60, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ, PATH=path, TZ="UTC"))
    return done.stdout, done.returncode


def console(text):
    """[(command, what it prints)]"""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2]))


def main(source, build):
    with open(os.path.join(source, "docs", "dry-run.md"), encoding="utf-8") as file:
        blocks = BLOCK.findall(file.read())
    path = os.path.join(build, "bin") + os.pathsep + os.environ["PATH"]
    commands, shown = [], []
    with tempfile.TemporaryDirectory() as folder:
        for kind, name, text in blocks:
            if name:
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            elif kind == "console":
                commands += console(text)
            else:
                shown.append(text)
        commands += [(commands[0][0] + " --json | tail -1", text) for text in shown]
        assert len(commands) >= 3, "the page has lost its example"
        status = 0
        for command, expected in commands:
            printed, status = run(command, folder, status, path)
            if printed != expected:
                sys.exit("docs/dry-run.md: %s printed\n%s\nand not\n%s" % (command, printed, expected))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
