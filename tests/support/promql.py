"""What PromQL expressions name: series and labels. As much of the language as the dashboard and the alerts use."""

import re

SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^}]*)\})?")
WORDS = {"sum", "max", "min", "count", "by", "and", "or", "rate", "increase", "deriv", "histogram_quantile", "absent", "time", "vector"}
OF_THE_TARGET = {"instance", "job", "namespace", "pod"}  # what Prometheus adds


def selectors(expression):
    """name → the labels that are asked of it by matchers."""
    text = re.sub(r"\bby\s*\([^)]*\)|\[[^\]]*\]", " ", expression)
    found = {}
    for name, matchers in SELECTOR.findall(re.sub(r'"[^"]*"', '""', text)):
        if name not in WORDS:
            found.setdefault(name, set()).update(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
    return found


def grouped_by(expression):
    labels = set()
    for inner in re.findall(r"\bby\s*\(([^)]*)\)", expression):
        labels.update(label.strip() for label in inner.split(","))
    return labels


def problems(expression, labels_of):
    """What of it a live /metrics cannot answer; labels_of: name of a series → all labels it has been seen with."""
    asked, wrong = selectors(expression), []
    if not asked:
        wrong.append("names no series")
    for name, matchers in asked.items():
        if name not in labels_of:
            wrong.append("no series " + name)
        elif matchers - labels_of[name]:
            wrong.append("%s has no label %s" % (name, ", ".join(sorted(matchers - labels_of[name]))))
    known = set.union(OF_THE_TARGET, *(labels_of.get(name, set()) for name in asked))
    wrong += ["no series of it has the label " + label for label in sorted(grouped_by(expression) - known)]
    return wrong
