#!/usr/bin/env python3
"""README's table: bridgeq beside the best of the others, from the figures of the last benchmark."""

import json
import pathlib
import sys

sys.dont_write_bytecode = True  # what is made goes below target/

from figures import Figures

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
RESULTS = ROOT / "docs" / "benchmarks" / "results.json"

ROWS = {
    "loop-1-b": "a thread to a loop, bounded",
    "loop-4-b": "four threads to a loop, bounded",
    "loop-4-u": "four threads to a loop, unbounded",
    "from-loop": "a loop to two threads, bounded",
    "fanout-8": "a thread to eight loops, bounded",
    "1-1-b": "one thread to one, bounded",
    "4-4-b": "four threads to four, bounded",
    "4-4-u": "four threads to four, unbounded",
    "4-4-work": "the same, bounded, with work on each item",
    "size-256": "items of 256 bytes, to a loop",
    "ping-2": "a round trip, thread and loop on two processors",
    "ping-1": "the same on one processor",
    "ping-busy": "the same on two, a computing thread on each",
    "delay-ping": "another descriptor of a loop in round trips",
    "alone-u": "put and get alone, unbounded",
    "priority-1e6": "a million priorities, put and get",
}
NAMES = {
    "crossbeam": "crossbeam-channel",
    "eventfd": "a bare eventfd",
    "moodycamel-tokens": "moodycamel, tokens",
    "mutex": "mutex and eventfd",
    "mutex-list": "mutex and eventfd, whole lists",
    "mutex-ordered": "a stack and a mutex",
    "tbb": "oneTBB",
    "uv": "libuv",
}
TITLES = "| | bridgeq | best of the others | bridgeq is |"


def amount(value, unit):
    if unit == "M items/s":
        return f"{value:.3g} M/s"
    return f"{value:.2g} ns" if value < 100 else f"{value / 1000:.2g} µs"


def table(data):
    figures = Figures(data)
    lines = [TITLES, "|---|---:|---:|---:|"]
    for scenario, title in ROWS.items():
        peer = figures.best_peer(scenario)
        if not peer or not figures.has(scenario, "bridgeq"):
            continue
        unit = figures.scenarios[scenario]["unit"]
        ours, theirs = (amount(figures.median(scenario, name), unit) for name in ("bridgeq", peer))
        lead = figures.lead(scenario, "bridgeq", peer)
        lines.append(f"| {title} | {ours} | {theirs}, {NAMES.get(peer, peer)} | {lead:.1f} × |")
    return "\n".join(lines)


def with_table(text, made):
    """The text with this table instead of the one that it has."""
    before, _, rest = text.partition(TITLES)
    _, _, after = rest.partition("\n\n")
    return f"{before}{made}\n\n{after}"


def write(data):
    README.write_text(with_table(README.read_text(), table(data)))


def main():
    """Exits with 1 where README says something else than the figures."""
    text, data = README.read_text(), json.loads(RESULTS.read_text())
    if with_table(text, table(data)) != text:
        print("README.md has other figures than docs/benchmarks/results.json; to write them:\n"
              "  python3 benches/run.py --report docs/benchmarks/results.json")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
