"""The plot of a benchmark: a panel for each main scenario, a bar for each contender."""

from html import escape
from math import ceil, floor, log10
from statistics import median

from figures import FLOORS, OURS, Figures, show
from report import MAIN

COLUMNS, PANEL, NAME, VALUE, ROW, GAP = 4, 340, 114, 52, 15, 26
COLOURS = {"ours": "#c2410c", "variant": "#f0a678", "peer": "#5b7083", "floor": "#c3ccd4"}

STYLE = """
text { font: 11px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2933; }
.title { font-size: 18px; font-weight: 600; }
.panel { font-size: 12px; font-weight: 600; }
.small { fill: #52606d; font-size: 10px; }
.name { text-anchor: end; }
.ours { font-weight: 700; }
line { stroke: #1f2933; stroke-width: 1; }
"""


def kind(name):
    if name == "bridgeq":
        return "ours"
    return "variant" if name in OURS else "floor" if name in FLOORS else "peer"


class Scale:
    """From a value to a width: linear from 0, logarithmic for times that differ by powers."""

    def __init__(self, values, width, logarithmic):
        self.width, self.logarithmic = width, logarithmic
        self.low = floor(log10(min(values))) if logarithmic else 0
        self.high = ceil(log10(max(values))) if logarithmic else max(values)
        if self.high == self.low:
            self.high += 1

    def __call__(self, value):
        value = log10(value) if self.logarithmic else value
        return max(1.0, self.width * (value - self.low) / (self.high - self.low))


def bar(figures, scenario, name, scale, y):
    runs = figures.runs(scenario, name)
    width, least, most = (scale(it(runs)) for it in (median, min, max))
    middle = y + ROW / 2 - 1
    emphasis = " ours" if name == "bridgeq" else ""
    return [
        f'<text class="name{emphasis}" x="{NAME - 6}" y="{y + 10}">{escape(name)}</text>',
        f'<rect x="{NAME}" y="{y}" width="{width:.1f}" height="{ROW - 4}" '
        f'fill="{COLOURS[kind(name)]}"/>',
        f'<line x1="{NAME + least:.1f}" x2="{NAME + most:.1f}" y1="{middle}" y2="{middle}"/>',
        f'<text class="small{emphasis}" x="{NAME + max(width, most) + 4:.1f}" y="{y + 10}">'
        f"{show(median(runs))}</text>",
    ]


def panel(figures, scenario, x, y):
    it, names = figures.scenarios[scenario], figures.contenders(scenario)
    values = [value for name in names for value in figures.runs(scenario, name) if value > 0]
    rate = figures.more_is_better(scenario)
    scale = Scale(values, PANEL - NAME - VALUE, not rate)
    unit = f"{it['unit']}, more is better" if rate else f"{it['unit']}, less is better, logarithmic"
    title = escape(f"{it['group']}: {it['title']}")
    lines = [f'<g transform="translate({x} {y})">',
             f'<text class="panel" x="0" y="12">{title}</text>',
             f'<text class="small" x="0" y="26">{scenario}, {unit}</text>']  # fmt: skip
    for row, name in enumerate(names):
        lines += bar(figures, scenario, name, scale, 34 + row * ROW)
    return lines + ["</g>"]


def panel_height(figures, scenario):
    return 34 + ROW * len(figures.contenders(scenario)) + GAP


def legend(data, width):
    facts = data["machine"]
    texts = {"ours": "bridgeq", "variant": "bridgeq, another loop", "peer": "peers",
             "floor": "floors: no queues to wait on"}  # fmt: skip
    ran_on = "; ".join(
        [facts["processor"], facts["kernel"], f"commit {facts['commit']}", facts["date"],
         f"bars: median of {data['rounds']} rounds, lines: lowest to highest"]
    )  # fmt: skip
    lines = ['<text class="title" x="16" y="28">bridgeq and its peers</text>',
             f'<text class="small" x="16" y="46">{escape(ran_on)}</text>']  # fmt: skip
    x = width - 520
    for name, text in texts.items():
        lines.append(f'<rect x="{x}" y="19" width="11" height="11" fill="{COLOURS[name]}"/>')
        lines.append(f'<text x="{x + 16}" y="29">{text}</text>')
        x += 40 + 6.3 * len(text)
    return lines


def draw(data):
    figures = Figures(data)
    names = [name for name in MAIN if data["measured"].get(name)]
    if not names:
        names = [name for name in figures.scenarios if data["measured"].get(name)][:COLUMNS]
    body, y = [], 66
    for first in range(0, len(names), COLUMNS):
        row = names[first : first + COLUMNS]
        for column, name in enumerate(row):
            body += panel(figures, name, 16 + column * (PANEL + 20), y)
        y += max(panel_height(figures, name) for name in row)
    width = 16 + COLUMNS * (PANEL + 20)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" width="{width}" '
        f'height="{y}" role="img" aria-label="Throughput and latency of bridgeq and its peers">',
        f"<style>{STYLE}</style>",
        f'<rect width="{width}" height="{y}" fill="#ffffff"/>',
        *legend(data, width), *body, "</svg>", "",
    ])  # fmt: skip
