"""The table of a benchmark: a summary, then every scenario with every contender."""

from statistics import median

import goals
from figures import Figures, show

MAIN = (
    "loop-1-b loop-1-u loop-4-b loop-4-u fanout-8 from-loop 1-1-b 1-1-u 4-1-b 4-1-u 2-2-b 2-2-u "
    "4-4-b 4-4-u batch-b batch-u ping ping-2 ping-1 ping-busy alone-b"
).split()

HOW_TO_READ = """\
Every figure is the median of {rounds} rounds; min and max show how much the machine wavered. In a
round each contender runs each scenario once, in a process of its own, in an order that changes from
round to round. *bridgeq is* says how many times as good bridgeq was, again the median of the
rounds, each for itself: above 1 bridgeq leads. All contenders are called through the same table of
functions by the same loops, and every item is checked on arrival: none lost, doubled, torn or
overtaken. What one thread does alone is given in its processor time. System calls and context
switches are for 1,000 items; system calls are {syscalls}. Other processes used {strangers} of the
processors (median of all runs).

`floor`, `rtrb` and `eventfd` are no queues that one could use here, but what cannot be beaten by
much: two locked instructions and two calls; a ring that spins and never sleeps; a descriptor
without a queue.
"""


def strangers(data):
    """What others used of the processors, in the median run."""
    return median(share for runs_of in data["measured"].values() for runs in runs_of.values()
                  for share in runs["strangers"])  # fmt: skip


def head(data):
    text = HOW_TO_READ.format(rounds=data["rounds"], syscalls=data["system calls"],
                              strangers=f"{strangers(data):.1%}")
    facts = [f"- {name}: {value}" for name, value in data["machine"].items()]
    return "\n".join(["# Benchmarks", "", "Made by `make bench`; do not edit.", "", *facts, "",
                      text, "![The main scenarios](results.svg)", ""])


def contender_list(data):
    lines = ["## Contenders", "", "| name | what | version |", "|---|---|---|"]
    for it in data["contenders"]:
        lines.append(f"| {it['name']} | {it['what']} | {it['version']} |")
    for name, why in data["missing"].items():
        lines.append(f"| {name} | could not be had: {why} | – |")
    return "\n".join(lines + [""])


def summary(data, scenarios=MAIN):
    """One row a contender, one column a scenario."""
    figures = Figures(data)
    scenarios = [name for name in scenarios if data["measured"].get(name)]
    lines = ["| | " + " | ".join(scenarios) + " |", "|---|" + "---:|" * len(scenarios)]
    for it in data["contenders"]:
        name = it["name"]
        cells = [show(figures.median(scenario, name)) if figures.has(scenario, name) else ""
                 for scenario in scenarios]
        if any(cells):
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


COLUMNS = {
    "p99": ("p99", 1), "most": ("worst", 1), "switches": ("switches", 1000),
    "syscalls": ("system calls", 1000), "wakes": ("of them wakes", 1000),
    "yields": ("yields", 1000), "cpu_ns": ("CPU ns", 1), "heap_bytes": ("heap bytes", 1),
    "resident_bytes": ("resident bytes", 1),
}  # fmt: skip


def columns_of(runs_of):
    """Those that somebody has a figure in."""
    def has(key):
        return any(runs.get(key) not in (None, 0) for runs in runs_of.values())

    return [key for key in COLUMNS if has(key)]


def scenario_row(figures, scenario, name, columns):
    runs = figures.runs(scenario, name)
    lead = figures.lead(scenario, "bridgeq", name) if figures.has(scenario, "bridgeq") else None
    cells = [name, show(median(runs)), show(min(runs)), show(max(runs)),
             f"{lead:.2f} ×" if lead is not None else "–"]  # fmt: skip
    for key in columns:
        value = figures.median(scenario, name, key)
        cells.append(show(None if value is None else value * COLUMNS[key][1]))
    return "| " + " | ".join(cells) + " |"


def scenario_table(data, figures, it):
    scenario, columns = it["name"], columns_of(data["measured"].get(it["name"], {}))
    titles = [COLUMNS[key][0] for key in columns]
    lines = [f"### {it['title']} (`{scenario}`, {it['unit']})", ""]
    lines.append("| | median | min | max | bridgeq is | " + " | ".join(titles) + " |")
    lines.append("|---|" + "---:|" * (4 + len(titles)))
    for name in figures.contenders(scenario):
        lines.append(scenario_row(figures, scenario, name, columns))
    why_not = data["why_not"].get(scenario, {})
    if why_not:
        reasons = {}
        for name, why in why_not.items():
            reasons.setdefault(why, []).append(name)
        parts = [f"{', '.join(sorted(names))} ({why})" for why, names in sorted(reasons.items())]
        lines += ["", "Not measured: " + "; ".join(parts) + "."]
    return "\n".join(lines + [""])


def write(data):
    figures = Figures(data)
    parts = [head(data), "## Goals", "", goals.table(data), "", "## Summary", ""]
    parts += ["Millions of items per second; round trips and one thread alone in nanoseconds.", "",
              summary(data), "", contender_list(data)]  # fmt: skip
    group = None
    for it in data["scenarios"]:
        if it["group"] != group:
            group = it["group"]
            parts += [f"## {group[0].upper()}{group[1:]}", ""]
        parts.append(scenario_table(data, figures, it))
    return "\n".join(parts)
