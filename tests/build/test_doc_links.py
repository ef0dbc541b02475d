#!/usr/bin/env python3
"""Holds the pages together: what a page links to is there, and each page of docs/ can be reached from README.md by links.

    test_doc_links.py SOURCE_DIR
"""

import os
import re
import sys

LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
FOREIGN = re.compile(r"^[a-z]+:|^#")


def pages(source):
    """Paths of all pages, but those of builds."""
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if not name.startswith((".", "build")) or (folder, name) == (os.path.join(source, "tests"), "build")]
        yield from (os.path.relpath(os.path.join(folder, name), source) for name in names if name.endswith(".md"))


def links(source, page):
    with open(os.path.join(source, page), encoding="utf-8") as file:
        text = CODE.sub("", file.read())
    for target in LINK.findall(text):
        if not FOREIGN.match(target):
            yield os.path.normpath(os.path.join(os.path.dirname(page), target.split("#")[0]))


def reachable(source, start):
    seen, ahead = set(), [start]
    while ahead:
        page = ahead.pop()
        if page not in seen and page.endswith(".md") and os.path.isfile(os.path.join(source, page)):
            seen.add(page)
            ahead += links(source, page)
    return seen


def main(source):
    faults = []
    for page in sorted(pages(source)):
        faults += ["%s links to %s, which is not there" % (page, target) for target in links(source, page)
                   if not os.path.exists(os.path.join(source, target))]
    found = reachable(source, "README.md")
    for name in sorted(name for name in os.listdir(os.path.join(source, "docs")) if name.endswith(".md")):
        if "docs/" + name not in found:
            faults.append("docs/%s cannot be reached from README.md by links" % name)
    sys.exit("\n".join(faults) or 0)


if __name__ == "__main__":
    main(sys.argv[1])
