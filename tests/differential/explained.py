"""The differences that stay: each has a row in docs/differences.md. name_of tells which one a pair of outcomes is."""
EXPLAINED = {}


def name_of(case, java, ours):
    """The kind of a known difference, None of one that nobody explained."""
    for name, is_it in EXPLAINED.items():
        if is_it(case, java, ours):
            return name
    return None
