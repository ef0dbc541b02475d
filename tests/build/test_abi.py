#!/usr/bin/env python3
"""The ABI is what it was when it was frozen: the declarations of include/millrace, and what libmillrace.so shows.

    test_abi.py SOURCE_DIR BUILD_DIR [--write]

abi-1.txt beside this file holds every declaration and constant of the public headers of version 1.0, one a line, without comments
and needless blanks; abi-1.1.txt what 1.1 brought, and so on. A line that vanishes or changes breaks plugins that are in use: that
needs another major version. Only an enumeration and a table that begins with its size may become longer at their end. A new line is
growth; docs/decisions/0006-abi-1.md says how, and --write takes it over into the file of the minor version that the headers name.
"""

import os
import pathlib
import re
import subprocess
import sys

ENTRY = "mr_module_v1"  # declared for plugins, defined by each of them
NOT_CONSTANT = {"MR_ABI_MINOR", "MR_EXPORT", "MR_PRINTF", "MR_MUST_USE", "MR_BEGIN_DECLS", "MR_END_DECLS"}
EXPORTED = '__attribute__((visibility("default")))'
failures = []


def check(words, problems):
    print(f"{'FAILED' if problems else 'ok    '}  {words}")
    for problem in problems:
        print(f"        {problem}")
    if problems:
        failures.append(words)


def preprocess(source, *options):
    command = [os.environ.get("CC", "cc"), "-E", *options, "-I", source / "include", source / "include/millrace/millrace.h"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def own_text(source):
    """What of the preprocessed text stands in our own headers."""
    lines, is_ours = [], False
    for line in preprocess(source).splitlines():
        marker = re.match(r'# \d+ "([^"]*)"', line)
        if marker:
            is_ours = "/include/millrace/" in marker.group(1)
        elif is_ours:
            lines.append(line)
    return " ".join(lines)


def cut(text):
    """Cuts at each semicolon outside of braces."""
    depth, start = 0, 0
    for at, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if character == ";" and depth == 0:
            yield text[start:at]
            start = at + 1


def tidy(declaration):
    declaration = re.sub(r"__attribute__ *\(\((?:[^()]|\([^()]*\))*\)\)", "", declaration)
    return re.sub(r" ?([^\w ]) ?", r"\1", re.sub(r"\s+", " ", declaration)).strip()


def declarations(source):
    return {tidy(part) for part in cut(own_text(source))}


def constants(source):
    found = set()
    for line in preprocess(source, "-dM").splitlines():
        match = re.match(r"#define (MR_\w+)", line)
        if match and match.group(1) not in NOT_CONSTANT:
            found.add(re.sub(r"\s+", " ", line).strip())
    return found


def exported_by_headers(source):
    names = set()
    for part in cut(own_text(source)):
        if EXPORTED in part:
            names.add(re.search(r"\b(mr_\w+) *(?:\(|\[|$)", tidy(part).split(",")[0]).group(1))
    return names - {ENTRY}


def shown(library):
    """Name → version node."""
    text = subprocess.run(["nm", "-D", "--defined-only", "--with-symbol-versions", library], check=True,
                          capture_output=True, text=True).stdout
    rows = [line.split() for line in text.splitlines()]
    names = [row[2] for row in rows if row[1] != "A"]  # A: the nodes themselves
    return dict((name.split("@@") + [""])[:2] for name in names)


def mapped(path):
    names, node = {}, None
    for line in path.read_text().splitlines():
        if re.match(r"MILLRACE_\S+ *{", line):
            node = line.split()[0]
        elif re.match(r"    mr_\w+;", line):
            names[line.strip(" ;")] = node
    return names


def written(source, but=None):
    """Every line that some version brought."""
    return {line for path in (source / "tests/build").glob("abi-1*.txt") if path != but for line in path.read_text().splitlines()}


def minor(source):
    return int(re.search(r"#define MR_ABI_MINOR (\d+)", preprocess(source, "-dM")).group(1))


def has_grown(line, now):
    """An enumeration, or a table that begins with its size, that has become longer at its end."""
    if not line.endswith("}"):
        return False
    is_table = re.match(r"struct \w+{uint32_t size;", line)
    return (is_table and any(other.startswith(line[:-1]) for other in now)) or \
        (line.startswith("enum ") and any(other.startswith(line[:-1] + ",") for other in now))


def main():
    source, build = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    now = declarations(source) | constants(source)
    if sys.argv[3:] == ["--write"]:
        path = source / f"tests/build/abi-1.{minor(source)}.txt"
        path.write_text("".join(f"{line}\n" for line in sorted(now - written(source, path))))
    frozen = written(source)
    check("nothing that plugins were built with has changed", sorted(line for line in frozen - now if not has_grown(line, now)))
    check("what is new is written down", sorted(now - frozen))

    symbols, versions = shown(build / "lib/libmillrace.so"), mapped(source / "plugins/sdk/millrace.map")
    inside = {name for name, node in symbols.items() if node == "MILLRACE_INSIDE"}
    public = {name: node for name, node in symbols.items() if name not in inside}
    check("the library shows names with its prefix only",
          sorted(name for name in symbols if not name.startswith("mr_")) or ([] if symbols else ["it shows nothing"]))
    check("each public name has its version",
          [f"{name}: {node or 'none'}, not {versions.get(name, 'in millrace.map')}"
           for name, node in sorted(public.items()) if versions.get(name) != node])
    check("what is for the worker alone says so",
          sorted(name for name in inside if not name.startswith("mr_inside_")))
    check("what the headers export is what the library shows", sorted(exported_by_headers(source) ^ set(public)))
    print(f"{6 - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


sys.exit(main())
