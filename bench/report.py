"""What bench/run says of its figures: medians, spreads, ratios, the goals; as Markdown, and into marked places of the documents.

`results`: {workload: {side: [figures of each repetition]}}, as in the JSON file.
"""

import re

from workloads import ALONE, AT_LEAST_ONCE, JVM, OURS


def median(values):
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def of(results, workload, side, figure):
    """The values of all repetitions; [] where it was not measured."""
    return [run[figure] for run in results.get(workload["name"], {}).get(side, []) if figure in run]


def ratio(results, workload, over, figure=None):
    """Ours to that side, of medians; None where one is missing."""
    ours, theirs = (of(results, workload, side, figure or workload["figure"]) for side in (OURS, over))
    return median(ours) / median(theirs) if ours and theirs and median(theirs) else None


def spread_text(values, form="%.2f"):
    if not values:
        return ""
    return form % median(values) + (" (" + form % min(values) + "–" + form % max(values) + ")" if len(values) > 1 else "")


def ratio_text(value):
    """Small ones as one over a number, as the goals have them."""
    if value is None:
        return ""
    return "1/%.1f" % (1 / value) if 0 < value < 0.5 else "%.2f" % value


def table(head, rows):
    """Padded, so that it can be read on a terminal as well; without columns that are empty."""
    full = [i for i in range(len(head)) if i == 0 or any(row[i] for row in rows)]
    head, rows = [head[i] for i in full], [[row[i] for i in full] for row in rows]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in [head, *rows]]
    lines.insert(1, "|" + "|".join("-" * (width + 2) if i == 0 else "-" * (width + 1) + ":" for i, width in enumerate(widths)) + "|")
    return "\n".join(lines)


def cost_table(results, workloads):
    rows = []
    for workload in workloads:
        sides = [ALONE, JVM]
        cells = [workload["title"], spread_text(of(results, workload, OURS, "cpu_us"))]
        for side in sides:
            cells += [spread_text(of(results, workload, side, "cpu_us")), ratio_text(ratio(results, workload, side))]
        cells += [spread_text(of(results, workload, JVM, "first_us")), ratio_text(ratio(results, workload, JVM, "first_us"))]
        rows.append(cells)
        if AT_LEAST_ONCE in workload["sides"]:
            cells[2:4] = ["at least once: " + spread_text(of(results, workload, AT_LEAST_ONCE, "cpu_us")),
                          ratio_text(ratio(results, workload, AT_LEAST_ONCE))]
    return table(["processor µs per record", OURS, ALONE, "ours to it", JVM, "ours to it", "JVM, first pass", "ours to it"], rows)


def cell_of(results, workload, side):
    if workload["figure"] == "p99_ms":
        figures = [of(results, workload, side, name) for name in ("p50_ms", "p99_ms")]
        return " / ".join(spread_text(values, "%.1f") for values in figures) if figures[0] else ""
    values = of(results, workload, side, "ratio")
    cores = [median(of(results, workload, side, name)) for name in ("one_cores", "two_cores")] if values else []
    return spread_text(values) + ", cores %.1f → %.1f" % tuple(cores) if values else ""


def other_table(results, workloads):
    sides = [side for side in (OURS, ALONE, JVM) if any(side in results[workload["name"]] for workload in workloads)]
    rows = [[workload["title"] + (", p50 / p99 ms" if workload["figure"] == "p99_ms" else ""),
             *[cell_of(results, workload, side) for side in sides]] for workload in workloads]
    return table(["", *sides], rows)


# Goals

def bound_text(goal):
    if "at_least" in goal:
        return "≥ %g" % goal["at_least"]
    value = "1/%d" % round(1 / goal["at_most"]) if goal["at_most"] < 1 else "%g" % goal["at_most"]
    return "≤ %s × %s" % (value, goal["over"]) if goal["over"] else "≤ %s ms" % value


def seen(results, workload):
    """What the goal is about; None where it was not measured."""
    if workload["goal"]["over"]:
        return ratio(results, workload, workload["goal"]["over"], workload["goal"].get("figure"))
    values = of(results, workload, OURS, workload["figure"])
    return median(values) if values else None


def is_met(goal, value):
    return value >= goal["at_least"] if "at_least" in goal else value <= goal["at_most"]


def goals(results, workloads):
    """[(title, bound, what was seen, is it met)] of those that were measured."""
    rows = []
    for workload in workloads:
        value = seen(results, workload)
        if value is not None:
            text = "%.1f ms" % value if workload["figure"] == "p99_ms" else ratio_text(value)
            if workload["goal"]["over"] == JVM:
                text += ", first passes; warmed up " + ratio_text(ratio(results, workload, JVM))
            rows.append((workload["title"], bound_text(workload["goal"]), text, is_met(workload["goal"], value)))
    return rows


def goals_table(results, workloads):
    rows = [[title, bound, text, "met" if met else "**missed**"] for title, bound, text, met in goals(results, workloads)]
    return table(["workload", "goal", "seen", ""], rows)


# The whole

def about_text(about):
    loads = about["loads"]
    return "%s, %d records of 100 bytes, %s, %d repetition%s. %s; load (1 minute) before each workload %.1f to %.1f. %s." % (
        about["date"], about["records"], "one broker" if about["brokers"] == 1 else "%d brokers" % about["brokers"], about["repeat"],
        "" if about["repeat"] == 1 else "s: median (least–most)", about["machine"], min(loads), max(loads), "; ".join(about["versions"]))


def tables(results, workloads):
    cost = [workload for workload in workloads if workload["figure"] == "cpu_us" and workload["name"] in results]
    other = [workload for workload in workloads if workload["figure"] != "cpu_us" and workload["name"] in results]
    return "\n\n".join(make(results, some) for make, some in ((cost_table, cost), (other_table, other)) if some)


def summary(results, workloads):
    """A few words for who looks at the project first: the four costs."""
    rows = [[workload["title"], *["%.2f" % median(of(results, workload, side, "cpu_us")) if of(results, workload, side, "cpu_us") else ""
                                  for side in (OURS, ALONE, JVM)]]
            for workload in workloads if workload["figure"] == "cpu_us" and ALONE in workload["sides"] and workload["name"] in results]
    return table(["processor µs per record", OURS, ALONE, JVM], rows)


def blocks(about, results, workloads):
    """{name of a marked place: its text}"""
    whole = about_text(about) + "\n\n" + tables(results, workloads)
    if about["brokers"] != 1:
        return {"brokers-%d" % about["brokers"]: whole}
    return {"brokers-1": whole, "goals": goals_table(results, workloads), "summary": summary(results, workloads)}


def fill(text, marked):
    """Puts each text between `<!-- bench/run NAME -->` and `<!-- end -->`; places of other names stay."""
    for name, body in marked.items():
        text = re.sub(r"(<!-- bench/run %s -->\n).*?(<!-- end -->)" % re.escape(name), lambda found, body=body: "%s%s\n%s" % (
            found.group(1), body, found.group(2)), text, flags=re.DOTALL)
    return text
