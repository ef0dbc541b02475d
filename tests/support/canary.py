"""Secrets of which each is known by where it was planted, and the places they might have got to.

A canary is a text that stands nowhere else. It is looked for as it is, in base64 (wherever in the encoded text it begins), in hex, and
by its two halves, for texts that were cut; percent and JSON encodings do not change it.
"""

import base64
import binascii
import os
import random
import string


class Canaries:
    def __init__(self):
        self.values = {}  # where it was planted → the text
        self.patterns = {}  # bytes → where it was planted

    def plant(self, place):
        """The canary of that place, made when it is first asked for."""
        if place not in self.values:
            value = "Cnry" + "".join(random.choices(string.ascii_letters, k=22))  # what looks harmless to whoever is careful
            self.values[place] = value
            for pattern in patterns_of(value.encode()):
                self.patterns[pattern] = place
        return self.values[place]

    def found(self, data):
        """Where those that stand in the data were planted."""
        data = data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")
        return {place for pattern, place in self.patterns.items() if pattern in data}


def patterns_of(value):
    yield value[:13]
    yield value[13:]
    yield binascii.hexlify(value)
    yield binascii.hexlify(value).upper()
    for shift in range(3):  # of the base64 of a longer text, what depends on the canary alone
        text = base64.b64encode(b"x" * shift + value)
        yield text[(shift * 4 + 2) // 3:len(text) // 4 * 4 - 4]


class Outlets:
    """What got out, by the name of the way it took."""

    def __init__(self, canaries):
        self.canaries = canaries
        self.seen = {}  # (planted, outlet) → an excerpt
        self.sizes = {}  # outlet → bytes looked at

    def look(self, outlet, data):
        data = data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")
        self.sizes[outlet] = self.sizes.get(outlet, 0) + len(data)
        for place in self.canaries.found(data):
            self.seen.setdefault((place, outlet), excerpt(data, self.canaries.values[place].encode()))

    def look_at_file(self, outlet, path):
        with open(path, "rb") as file:
            self.look(outlet, file.read())

    def look_at_folder(self, outlet, folder, but=()):
        for parent, _, names in os.walk(folder):
            for name in names:
                if name not in but:
                    self.look(outlet, name)
                    self.look_at_file("%s (%s)" % (outlet, name), os.path.join(parent, name))


def excerpt(data, value):
    at = max(data.find(value), data.find(value[:13]), 0)
    return data[max(0, at - 100):at + 60].decode("utf-8", "replace")


PAGE = os.sysconf("SC_PAGE_SIZE")


def memory_of(pid):
    """The writable memory of a process that is not all zero yet, a piece for each mapping."""
    for _, pages in mappings_of(pid):
        yield b"".join(page for _, page in pages)


def mappings_of(pid):
    """Each writable mapping, as a line of /proc/PID/maps, with the addresses and bytes of its pages."""
    with open("/proc/%d/maps" % pid, encoding="ascii", errors="replace") as maps, open("/proc/%d/mem" % pid, "rb") as memory, \
            open("/proc/%d/pagemap" % pid, "rb") as pages:
        for line in maps:
            span, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            first, last = (int(part, 16) // PAGE for part in span.split("-"))
            pages.seek(first * 8)
            facts = pages.read((last - first) * 8)
            touched = [first + i for i in range(len(facts) // 8) if facts[8 * i + 7] & 0xC0]  # in memory, or swapped out
            yield line.rstrip(), [(page * PAGE, read_page(memory, page)) for page in touched]


def read_page(memory, page):
    try:
        memory.seek(page * PAGE)
        return memory.read(PAGE)
    except OSError:  # gone meanwhile
        return b""


def memory_holds(pid, value):
    return any(value.encode() in piece for piece in memory_of(pid))


def found_at(pid, value, around=160):
    """For whoever looks for the reason: in which mapping a value lies, where, and what stands around it."""
    for line, pages in mappings_of(pid):
        piece, wanted = b"".join(page for _, page in pages), value.encode()
        at = piece.find(wanted)
        while at >= 0:
            address = pages[at // PAGE][0] + at % PAGE
            yield "%s: at %x: %r" % (line, address, piece[max(0, at - around):at + len(wanted) + around])
            at = piece.find(wanted, at + 1)
