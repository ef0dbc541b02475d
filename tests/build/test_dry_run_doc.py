#!/usr/bin/env python3
"""Runs the example of docs/dry-run.md: writes its files, runs its commands, and compares what they print, to the letter.

A block "```json NAME" is a file; in a block "```console" each line "$ COMMAND" is followed by what it prints; any other JSON block
has the last line of the same example with --json. Then what the page says of wrong input.
"""

import os
import re
import subprocess
import sys
import tempfile

TRY = "millrace try --connector cards.json "
OTHERS = [  # command, exit status, what its output holds
    ("millrace try --help", 0, "Usage: millrace try --connector FILE"),
    ("millrace try", 2, "--connector is missing"),
    ("millrace try --connector", 2, "its value is missing"),
    (TRY, 2, "give either --records or --topic"),
    (TRY + "--records a --topic b", 2, "give either --records or --topic"),
    (TRY + "--topic b --last 1", 2, "--topic needs --last and --worker"),
    (TRY + "--topic b --last 0", 2, "--last must be from 1 to 10000"),
    (TRY + "--records orders.jsonl --last 1", 2, "--last goes with --topic"),
    (TRY + "--records orders.jsonl --sideways x", 2, "there is no option --sideways"),
    (TRY + "--records none.jsonl", 2, "none.jsonl cannot be opened"),
    (TRY + "--records /dev/null", 2, "/dev/null holds no record"),
    ("printf '{\"value\":1}\\n\\n{\"value\"' | " + TRY + "--records -", 2, "standard input:3: no JSON"),
    ("printf '{\"value\":{}}' | " + TRY + "--records - --json", 0, '"outcome":"passed"'),
    ("yes '{}' | head -10001 | " + TRY + "--records - --json | tail -1", 0, "split the file"),
    ("millrace try --connector none.json --records orders.jsonl", 2, "none.json"),
    ("sed s/RegexRouter/Nope/ cards.json > wrong.json; millrace try --connector wrong.json --records orders.jsonl", 2,
     "\ntransforms.name.type: "),
    ("sed s/mask.replacement/mask.replcement/ cards.json > typo.json; millrace try --connector typo.json --records orders.jsonl --json "
     "2>&1 >/dev/null", 1, "transforms.mask.replcement has no effect: there is no such option"),
    ("sed s/FileStreamSink/FileSink/ cards.json > typo.json; millrace try --connector typo.json --records orders.jsonl", 2,
     "there is no connector FileSink"),
    ("grep -v converter cards.json > bare.json; millrace try --connector bare.json --records orders.jsonl", 2,
     "names no key.converter, so the worker's counts: add --worker"),
]
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
        for command, expected, words in OTHERS:
            printed, status = run(command, folder, 0, path)
            if status != expected or words not in printed:
                sys.exit("%s: exit %d, and not %d; it printed\n%s" % (command, status, expected, printed[-2000:]))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
