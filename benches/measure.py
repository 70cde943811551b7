"""Runs the driver: one process for each measurement, so that no contender leaves anything behind
for the next, interleaved round by round, so that a bad spell of the machine hits all alike."""

import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

import machine

NOT_ON_OFFER = 77
TIMEOUT = 120


class Bench:
    """The driver and its plug-ins, as built below a directory."""

    def __init__(self, directory):
        self.program = directory / "bench"
        if not self.program.exists():
            sys.exit(f"{self.program} is not built: run `make bench-build` first")
        self.missing = {}
        self.plugin_of = {}
        self.contenders = {}
        for log in sorted((directory / "plugins").glob("*.failed")):
            self.missing[log.stem] = log.read_text().strip().splitlines()[0]
        for plugin in sorted((directory / "plugins").glob("*.so")):
            self.load(plugin)
        self.scenarios = {it["name"]: it for it in self.lines("--list")}

    def lines(self, *arguments):
        done = subprocess.run([self.program, *arguments], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return [json.loads(line) for line in done.stdout.splitlines()]

    def load(self, plugin):
        try:
            for contender in self.lines("--plugin", plugin, "--list"):
                self.contenders[contender["name"]] = contender
                self.plugin_of[contender["name"]] = plugin
        except RuntimeError as error:
            self.missing[plugin.stem] = str(error).replace(f"{plugin.parent}/", "")

    def command(self, scenario, contender, *more):
        return [self.program, "--plugin", self.plugin_of[contender], "--contender", contender,
                "--scenario", scenario, *map(str, more)]  # fmt: skip

    def run(self, command):
        """What one run measured; a string when there is nothing to measure or it failed."""
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            return None, f"did not end within {TIMEOUT} s"
        if done.returncode == 0:
            return json.loads(done.stdout), None
        if done.returncode == NOT_ON_OFFER:
            return None, json.loads(done.stdout)["why_not"]
        why = done.stderr.strip().splitlines()[-1:] or [f"ended by signal {-done.returncode}"]
        return None, "FAILED: " + why[0]


class Counting:
    """Counts system calls: by the kernel's tracepoint where that is allowed, else by strace."""

    ID = "/sys/kernel/tracing/events/raw_syscalls/sys_enter/id"

    def __init__(self, bench):
        self.bench = bench
        self.tracepoint = self.find_tracepoint()
        self.strace = shutil.which("strace")

    def find_tracepoint(self):
        # The number is all that is needed: the mount is seen by this one command only.
        if os.geteuid() != 0:
            return None
        mount = f"test -e {self.ID} || mount -t tracefs t /sys/kernel/tracing; cat {self.ID}"
        number = machine.output("unshare", "--mount", "sh", "-c", mount)
        return int(number) if number.isdigit() else None

    def how(self):
        if self.tracepoint:
            return "counted by a kernel tracepoint, in a run of its own"
        return "counted by strace, which slows what it counts" if self.strace else "not counted"

    def count(self, scenario, contender, seconds, items):
        """System calls, wakes and yields for each item; None where they cannot be counted."""
        if self.tracepoint:
            more = ("--seconds", seconds, "--tracepoint", self.tracepoint)
            result, _ = self.bench.run(self.bench.command(scenario, contender, *more))
            keys = ("syscalls", "wake_syscalls", "yield_syscalls")
            return result and [result[key] / result["items"] for key in keys]
        return self.count_by_strace(scenario, contender, items) if self.strace else None

    def count_by_strace(self, scenario, contender, items):
        items = int(min(items, 100_000))
        with tempfile.NamedTemporaryFile("r") as table:
            command = [self.strace, "-f", "-c", "-U", "calls,name", "-o", table.name]
            command += self.bench.command(scenario, contender, "--items", items)
            result, _ = self.bench.run(command)
            rows = re.findall(r"^\s*(\d+)\s+(\S+)$", table.read(), re.MULTILINE)
        calls = {name: int(count) for count, name in rows}
        wakes = calls.get("write", 0) + calls.get("futex", 0)
        numbers = (calls.get("total", 0), wakes, calls.get("sched_yield", 0))
        return result and [number / result["items"] for number in numbers]


KEPT = ("value", "p50", "p99", "most", "heap_bytes", "resident_bytes")


def keep(result, strangers):
    """What the report needs of one run."""
    kept = {key: result[key] for key in KEPT if result[key] or key == "value"}
    kept["switches"] = (result["voluntary"] + result["involuntary"]) / result["items"]
    kept["cpu_ns"] = result["cpu_seconds"] * 1e9 / result["items"]
    kept["items"] = result["items"]
    kept["strangers"] = strangers
    return {key: float(f"{value:.5g}") for key, value in kept.items()}


def quietest(bench, command, wanted, tries):
    """Runs again while others keep the machine busy; what was measured at the quietest time."""
    best, strangers = None, machine.Strangers()
    for _ in range(tries):
        strangers.start()
        result, why = bench.run(command)
        if why:
            return None, why
        kept = keep(result, strangers.share())
        if best is None or kept["strangers"] < best["strangers"]:
            best = kept
        if best["strangers"] <= wanted:
            break
    return best, None


def measure(bench, scenarios, contenders, options, progress):
    """{scenario: {contender: {what: [one for each round]}}}, and why not, likewise."""
    measured, why_not = {}, {}
    for number in range(1, options.rounds + 1):
        for scenario in scenarios:
            order = [it for it in contenders if it not in why_not.get(scenario, {})]
            random.Random(f"{number} {scenario}").shuffle(order)
            for contender in order:
                progress(number, scenario, contender)
                command = bench.command(scenario, contender, "--seconds", options.seconds)
                kept, why = quietest(bench, command, options.strangers, options.tries)
                if why:
                    why_not.setdefault(scenario, {})[contender] = why
                    measured.get(scenario, {}).pop(contender, None)
                    continue
                runs = measured.setdefault(scenario, {}).setdefault(contender, {})
                for key, value in kept.items():
                    runs.setdefault(key, []).append(value)
    return measured, why_not


def count_syscalls(bench, measured, seconds, progress):
    """Adds to what was measured; says how."""
    counting = Counting(bench)
    for scenario, runs_of in measured.items():
        for contender, runs in runs_of.items():
            progress("counting", scenario, contender)
            counts = counting.count(scenario, contender, seconds, min(runs["items"]))
            if counts:
                runs["syscalls"], runs["wakes"], runs["yields"] = (
                    float(f"{count:.4g}") for count in counts
                )
    return counting.how()


def find_build(argument, root):
    return pathlib.Path(argument) if argument else root / "target" / "benches"
