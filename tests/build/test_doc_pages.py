#!/usr/bin/env python3
"""Runs the examples of docs/dry-run.md and docs/transforms.md: writes their files, runs their commands, and compares what they print, to
the letter.

    test_doc_pages.py SOURCE_DIR BUILD_DIR [--write]

A block "```KIND NAME" is a file; in a block "```console" each line "$ COMMAND" is followed by what it prints. In dry-run.md any other JSON
block has the last line of the same example with --json, and what the page says of wrong input is tried. With --write the pages get what
the commands print now.
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
    ("grep -v '\"name\"' cards.json > nameless.json; millrace try --connector nameless.json --records orders.jsonl", 1, "record 1: passed"),
    ("printf 'connector.class=FileStreamSink\\ntopics=t\\nkey.converter=ByteArray\\nvalue.converter=ByteArray\\n' > nameless.properties; "
     "echo '{}' | millrace try --connector nameless.properties --records -", 0, "record 1: passed"),
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


class Page:
    def __init__(self, source, build, name):
        self.path = os.path.join(source, "docs", name)
        self.name = "docs/" + name
        self.shell_path = os.path.join(build, "bin") + os.pathsep + os.environ["PATH"]
        self.folder = None
        with open(self.path, encoding="utf-8") as file:
            self.text = file.read()
        self.blocks = BLOCK.findall(self.text)

    def write_files(self):
        for _, name, text in self.blocks:
            if name:
                with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                    file.write(text)

    def run_commands(self):
        """[(command, what the page shows, what it prints)]"""
        shown, status, results = [], 0, []
        for kind, name, text in self.blocks:
            if kind == "console":
                shown += console(text)
        for command, expected in shown:
            printed, status = run(command, self.folder, status, self.shell_path)
            results.append((command, expected, printed))
        return results

    def check(self, is_write):
        results = self.run_commands()
        assert len(results) >= 2, self.name + " has lost its examples"
        for command, expected, printed in results:
            if printed != expected and is_write:
                self.text = self.text.replace("$ %s\n%s" % (command, expected), "$ %s\n%s" % (command, printed), 1)
            elif printed != expected:
                sys.exit("%s: %s printed\n%s\nand not\n%s" % (self.name, command, printed, expected))
        if is_write:
            with open(self.path, "w", encoding="utf-8") as file:
                file.write(self.text)


def check_dry_run(page):
    command = console(next(text for kind, _, text in page.blocks if kind == "console"))[0][0]
    for kind, name, text in page.blocks:
        if kind == "json" and not name:
            printed, _ = run(command + " --json | tail -1", page.folder, 0, page.shell_path)
            if printed != text:
                sys.exit("%s --json printed\n%s\nand not\n%s" % (command, printed, text))
    for command, expected, words in OTHERS:
        printed, status = run(command, page.folder, 0, page.shell_path)
        if status != expected or words not in printed:
            sys.exit("%s: exit %d, and not %d; it printed\n%s" % (command, status, expected, printed[-2000:]))


def main(source, build, is_write):
    for name, more in (("dry-run.md", check_dry_run), ("transforms.md", None)):
        page = Page(source, build, name)
        with tempfile.TemporaryDirectory() as page.folder:
            page.write_files()
            page.check(is_write)
            if more is not None and not is_write:
                more(page)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], "--write" in sys.argv[3:])
