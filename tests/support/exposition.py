"""Reads Prometheus' text format 0.0.4 as strictly as its documentation writes it, and with Prometheus' own Python parser where that
is installed."""

import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"')
VALUE = re.compile(r"(NaN|[+-]Inf|-?[0-9]+(\.[0-9]+)?(e[+-][0-9]+)?)\Z")
TYPES = ("counter", "gauge", "histogram", "untyped")
HISTOGRAM_ENDINGS = ("_bucket", "_sum", "_count")
UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def unescape(text):
    return re.sub(r'\\[\\"n]', lambda match: UNESCAPED[match.group()], text)


def read_labels(text):
    labels, at = {}, 0
    while at < len(text):
        match = LABEL.match(text, at)
        assert match, "labels cannot be read: %r" % text
        assert match.group(1) not in labels, "a label twice: %r" % text
        labels[match.group(1)] = unescape(match.group(2))
        at = match.end()
        assert at == len(text) or (text[at] == "," and at + 1 < len(text)), "labels cannot be read: %r" % text
        at += 1
    return labels


class Exposition:
    """types: family → type; samples: (name, frozenset of labels) → value."""

    def __init__(self, text):
        self.types, self.helps, self.samples, self.ended = {}, {}, {}, set()
        family = None
        assert text.endswith("\n")
        for line in text[:-1].split("\n"):
            if line.startswith("# "):
                _, word, name, rest = line.split(" ", 3)
                assert word in ("HELP", "TYPE") and NAME.match(name), line
                if name != family:
                    assert name not in self.ended, "family in two parts: " + line
                    self.ended.add(name)
                    family = name
                known = self.helps if word == "HELP" else self.types
                assert name not in known, "twice: " + line
                known[name] = rest
                assert word == "HELP" or rest in TYPES, line
            else:
                self.read_sample(line, family)
        for name in self.helps:
            assert name in self.types, "no TYPE: " + name
        for name, kind in self.types.items():
            if kind == "histogram":
                self.check_histogram(name)

    def check_histogram(self, name):
        """Buckets never fall, and the last has all."""
        series = {}
        for (sample, labels), value in self.samples.items():
            if sample == name + "_bucket":
                bound, = (text for key, text in labels if key == "le")
                rest = frozenset(pair for pair in labels if pair[0] != "le")
                series.setdefault(rest, []).append((float(bound.replace("+Inf", "inf")), value))
        assert series, "a histogram without buckets: " + name
        for labels, buckets in series.items():
            counts = [count for _, count in sorted(buckets)]
            assert counts == sorted(counts) and sorted(buckets)[-1][0] == float("inf"), (name, labels, buckets)
            assert counts[-1] == self.samples[name + "_count", labels] and (name + "_sum", labels) in self.samples, (name, labels)

    def read_sample(self, line, family):
        match = re.match(r"([^{ ]+)(?:\{(.*)\})? ([^ ]+)\Z", line)
        assert match, "a sample cannot be read: %r" % line
        name, labels, value = match.groups()
        assert NAME.match(name) and VALUE.match(value), line
        known = self.types.get(family)
        fits = known is not None and name in ([family + ending for ending in HISTOGRAM_ENDINGS] if known == "histogram" else [family])
        assert fits, "a sample outside of its family: " + line
        key = name, frozenset(read_labels(labels or "").items())
        assert key not in self.samples, "a series twice: " + line
        self.samples[key] = float(value)
        if known == "counter":
            assert name.endswith("_total") and self.samples[key] >= 0, line

    def value(self, name, **labels):
        """The value of the one series with exactly these labels; None: there is none."""
        return self.samples.get((name, frozenset(labels.items())))

    def about(self, **labels):
        """Names of all series that have these labels, and maybe more."""
        wanted = set(labels.items())
        return sorted({name for name, has in self.samples if wanted <= has})

    def with_labels(self, name, **labels):
        """The label sets, as dicts, of a family's series that have these labels."""
        return [dict(has) for n, has in self.samples if n == name and set(labels.items()) <= has]


def check_with_prometheus(text, openmetrics):
    """How many families Prometheus' own parsers find in each; None: not installed."""
    try:
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
        from prometheus_client.parser import text_string_to_metric_families as read_text
    except ImportError:
        return None
    return len(list(read_text(text))), len(list(read_openmetrics(openmetrics)))
