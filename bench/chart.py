"""The chart of bench/run: bars of processor time per record, ours beside librdkafka alone and the JVM worker, with the goals as lines; an SVG
written by hand, on a ground of its own, so that it can be read on a dark page too."""

from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT = 960, 200, 140
BAR, GAP, GROUP_GAP, TOP, BOTTOM = 20, 5, 30, 92, 50
COLOURS = {"Millrace": "#1f6fb4", "librdkafka alone": "#8a9199", "JVM worker": "#d9822b", "at least once": "#8dbbe0"}
GOAL, INK, FAINT, GROUND = "#b3261e", "#1d2329", "#dde1e6", "#ffffff"
TEXT = '<text x="%.1f" y="%.1f" font-size="%d" fill="%s" text-anchor="%s"%s>%s</text>'


def text(x, y, words, size=13, anchor="start", colour=INK, bold=False):
    return TEXT % (x, y, size, colour, anchor, ' font-weight="600"' if bold else "", escape(words))


def rectangle(x, y, width, height, colour):
    return '<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>' % (x, y, width, height, colour)


def line(x1, y1, x2, y2, colour, width=1.0, dashes=""):
    return '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%.1f"%s/>' % (
        x1, y1, x2, y2, colour, width, ' stroke-dasharray="%s"' % dashes if dashes else "")


def step_of(top):
    """Between two lines of the scale, so that there are five to ten."""
    step = 0.01
    while top / step > 10:
        step *= 2.5 if str(step).lstrip("0.").startswith("2") else 2
    return step


def wrapped(words, width=27):
    lines = [""]
    for word in words.split():
        if lines[-1] and len(lines[-1]) + len(word) + 1 > width:
            lines.append("")
        lines[-1] = (lines[-1] + " " + word).strip()
    return lines


def scale(top, height, at):
    parts, step = [], step_of(top)
    for number in range(int(top / step) + 1):
        x = at(number * step)
        parts += [line(x, TOP - 6, x, height - BOTTOM + 6, FAINT), text(x, height - BOTTOM + 22, "%g" % round(number * step, 3), 12, "middle")]
    return parts


def legend(names, with_goals):
    parts, x = [], LEFT
    for name in names:
        parts += [rectangle(x, 56, 14, 14, COLOURS[name]), text(x + 20, 68, name)]
        x += 44 + 7.5 * len(name)
    if with_goals:
        parts += [line(x + 4, 54, x + 4, 72, GOAL, 2), text(x + 13, 68, "goal for Millrace")]
    return parts


def bar(y, at, side):
    """One side of a group: its bar, the spread as a thin line, its figure."""
    parts = [rectangle(LEFT, y, max(1.0, at(side["value"]) - LEFT), BAR, COLOURS[side["name"]])]
    if side["most"] > side["least"]:
        parts.append(line(at(side["least"]), y + BAR / 2, at(side["most"]), y + BAR / 2, INK, 1.2))
    end = max(at(side["value"]), at(side["most"]), at(side["goal"]) if side["goal"] else 0)
    words = "%.2f" % side["value"] + (" (goal %.2f)" % side["goal"] if side["goal"] else "")
    parts.append(text(end + 7, y + BAR - 5, words, bold=side["name"] == "Millrace"))
    if side["goal"]:
        parts.append(line(at(side["goal"]), y - 3, at(side["goal"]), y + BAR + 3, GOAL, 2))
    return parts


def bars(title, subtitle, groups):
    """`groups`: [(title, [{"name", "value", "least", "most", "goal": None or where its line is}])]; the SVG's text."""
    height = TOP + BOTTOM + sum(len(sides) * (BAR + GAP) + GROUP_GAP for _, sides in groups) - GROUP_GAP
    top = max(max(side["most"], side["goal"] or 0) for _, sides in groups for side in sides) or 1.0

    def at(value):
        return LEFT + (WIDTH - LEFT - RIGHT) * value / top
    names = [name for name in COLOURS if any(side["name"] == name for _, sides in groups for side in sides)]
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="DejaVu Sans, Helvetica, Arial, '
             'sans-serif" role="img" aria-label="%s">' % (WIDTH, height, WIDTH, height, escape(title)),
             rectangle(0, 0, WIDTH, height, GROUND), text(LEFT, 24, title, 16, bold=True), text(LEFT, 43, subtitle, 12, colour="#5a636d"),
             *legend(names, any(side["goal"] for _, sides in groups for side in sides)), *scale(top, height, at)]
    y = TOP
    for words, sides in groups:
        tall = len(sides) * (BAR + GAP) - GAP
        lines = wrapped(words)
        parts += [text(LEFT - 12, y + tall / 2 + 5 + 16 * (i - (len(lines) - 1) / 2), words_of_line, 12.5, "end")
                  for i, words_of_line in enumerate(lines)]
        for side in sides:
            parts += bar(y, at, side)
            y += BAR + GAP
        y += GROUP_GAP
    parts += [line(LEFT, TOP - 6, LEFT, height - BOTTOM + 6, INK), text((LEFT + WIDTH - RIGHT) / 2, height - 10, "processor µs per record",
                                                                      12, "middle"), "</svg>"]
    return "\n".join(parts) + "\n"
