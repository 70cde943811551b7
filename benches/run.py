#!/usr/bin/env python3
"""Measures bridgeq and its peers, round by round; writes a table, a plot and the raw figures."""

import argparse
import json
import pathlib
import re
import sys
import time

sys.dont_write_bytecode = True  # what is made goes below target/

import goals
import highlights
import machine
import measure
import plot
import report

ROOT = pathlib.Path(__file__).resolve().parent.parent

# For daily work: what moves when the queue changes, against who leads.
QUICK_SCENARIOS = (
    "loop-1-b loop-1-u loop-4-b loop-4-u from-loop ping ping-1 ping-2 1-1-b 4-4-b 4-4-u "
    "batch-b alone-b"
).split()
QUICK_CONTENDERS = (
    "bridgeq bridgeq-edge mutex mutex-every crossbeam crossfire kanal moodycamel-tokens eventfd "
    "rtrb floor"
).split()


def above_zero(kind):
    def convert(text):
        value = kind(text)
        if value <= 0:
            raise ValueError
        return value

    convert.__name__ = f"{kind.__name__} above 0"
    return convert


def regex(text):
    try:
        return re.compile(text)
    except re.error as wrong:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {wrong}") from None


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true",
                        help="a part of it in under three minutes, into target/benches/quick")
    parser.add_argument("--rounds", type=above_zero(int), help="how often to measure each (7; quick: 3)")
    parser.add_argument("--seconds", type=above_zero(float),
                        help="how long each measurement is to take (0.2; quick: 0.1)")
    parser.add_argument("--scenarios", metavar="REGEX", type=regex, help="only those whose whole name matches")
    parser.add_argument("--contenders", metavar="REGEX", type=regex, help="likewise")
    parser.add_argument("--strangers", type=float, default=0.1, metavar="SHARE",
                        help="measure again while others use more of the processors (0.1)")
    parser.add_argument("--tries", type=above_zero(int), help="but no more often than this (3; quick: 1)")
    parser.add_argument("--build", metavar="DIR", help="driver and plug-ins (target/benches)")
    parser.add_argument("--out", metavar="DIR", help="where to write (docs/benchmarks)")
    parser.add_argument("--report", metavar="JSON",
                        help="measure nothing: table and plot from the figures of an earlier run")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (3 if options.quick else 7)
    options.seconds = options.seconds or (0.1 if options.quick else 0.2)
    options.tries = options.tries or (1 if options.quick else 3)
    return options


def chosen(names, pattern, quick):
    if pattern:
        return [name for name in names if pattern.fullmatch(name)]
    return [name for name in names if name in quick] if quick else list(names)


class Progress:
    """One line that changes on a terminal, one line for each round elsewhere."""

    def __init__(self, rounds):
        self.rounds, self.shown, self.live = rounds, None, sys.stderr.isatty()

    def __call__(self, number, scenario, contender):
        text = f"round {number} of {self.rounds}" if isinstance(number, int) else number
        if self.live:
            print(f"\r\033[K{text}: {scenario} {contender}", end="", file=sys.stderr, flush=True)
        elif text != self.shown:
            print(text, file=sys.stderr)
        self.shown = text

    def end(self):
        print("\r\033[K" if self.live else "", end="", file=sys.stderr)


def run_all(options):
    bench = measure.Bench(measure.find_build(options.build, ROOT))
    quick = options.quick
    scenarios = chosen(bench.scenarios, options.scenarios, QUICK_SCENARIOS if quick else None)
    contenders = chosen(bench.contenders, options.contenders, QUICK_CONTENDERS if quick else None)
    if not scenarios or not contenders:
        sys.exit("nothing to measure: no scenario or no contender of that name")
    began = time.monotonic()
    progress = Progress(options.rounds)
    measured, why_not = measure.measure(bench, scenarios, contenders, options, progress)
    syscalls = measure.count_syscalls(bench, measured, options.seconds, progress)
    progress.end()
    return {
        "machine": machine.facts(ROOT),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "system calls": syscalls,
        "scenarios": [bench.scenarios[name] for name in scenarios],
        "contenders": [bench.contenders[name] for name in contenders],
        "missing": bench.missing,
        "measured": measured,
        "why_not": why_not,
    }


def dump(data):
    """JSON that is small and still diffs: one line for each contender of a scenario."""
    head = {key: value for key, value in data.items() if key != "measured"}
    lines = [json.dumps(head, ensure_ascii=False, indent=1)[:-2] + ',\n "measured": {']
    scenarios = []
    for scenario, runs_of in data["measured"].items():
        runs = [f'   "{name}": {json.dumps(runs)}' for name, runs in runs_of.items()]
        scenarios.append(f'  "{scenario}": {{\n' + ",\n".join(runs) + "\n  }")
    return "\n".join(lines) + "\n" + ",\n".join(scenarios) + "\n }\n}\n"


def earlier(path):
    try:
        return json.loads(pathlib.Path(path).read_text())
    except (OSError, ValueError) as wrong:
        sys.exit(f"{path} is no results.json of an earlier run: {wrong}")


def out_directory(options):
    if options.out:
        return pathlib.Path(options.out)
    if options.quick or options.scenarios or options.contenders:
        return ROOT / "target" / "benches" / "quick"
    return ROOT / "docs" / "benchmarks"


def main():
    options = parse(sys.argv[1:])
    data = earlier(options.report) if options.report else run_all(options)
    texts = {"results.json": dump(data), "results.svg": plot.draw(data),
             "results.md": report.write(data)}
    out = out_directory(options)
    out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (out / name).write_text(text)
    if out.resolve() == highlights.RESULTS.parent:
        highlights.write(data)
    print(report.summary(data))
    print(goals.text(data))
    if (busy := report.strangers(data)) > options.strangers:
        print(f"Other processes used {busy:.0%} of the processors: measure again when it is quiet.")
    failures = [f"{scenario} {contender}: {why}" for scenario, reasons in data["why_not"].items()
                for contender, why in reasons.items() if why.startswith(("FAILED", "did not"))]
    for line in failures:
        print(line, file=sys.stderr)
    print(f"Written: {out}/results.md, results.svg, results.json")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
