#!/usr/bin/env python3
"""Weakens one ordering at a time in a copy of the sources below target/weaken, and requires that the
models named for it (weakenings.py) go red there, which were green before."""

import argparse
import os
import re
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

sys.dont_write_bytecode = True  # everything that is made goes below target/
from weakenings import weakenings  # noqa: E402

TOP = Path(__file__).resolve().parents[2]
COPY = TOP / "target/weaken/tree"
BUILD = TOP / "target/weaken/build"
SECONDS = 120  # a model that takes longer says nothing

Outcome = namedtuple("Outcome", "color why")


def sources():
    yield from (TOP / name for name in ("Cargo.toml", "Cargo.lock", "build.rs"))
    for folder in ("src", "ctests/rust"):
        yield from (path for path in sorted((TOP / folder).rglob("*")) if path.is_file())


def manifest(text):
    """Only the library, as Rust links it, and the models: what else there is takes long to build."""
    text = re.sub(r"^crate-type = .*$", 'crate-type = ["rlib"]', text, flags=re.M)
    return re.sub(r"^\[dev-dependencies\]\n(?:[^\[\n].*\n|\n)*", "", text, flags=re.M)


def copy_sources():
    """Writes what differs, so that cargo builds anew what an interrupted run has left changed."""
    wanted = {}
    for path in sources():
        content = path.read_bytes()
        if path.name == "Cargo.toml":
            content = manifest(content.decode()).encode()
        wanted[COPY / path.relative_to(TOP)] = content
    for path in COPY.rglob("*"):
        if path.is_file() and path not in wanted:
            path.unlink()
    for path, content in wanted.items():
        if path.name != "Cargo.lock" and path.is_file() and path.read_bytes() == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def build():
    """The program with the models. Exits where it does not build."""
    environment = dict(os.environ, RUSTFLAGS="--cfg loom", CARGO_INCREMENTAL="1",
                       CARGO_PROFILE_RELEASE_LTO="off", CARGO_PROFILE_RELEASE_CODEGEN_UNITS="16")
    command = ["cargo", "test", "--release", "--test", "loom", "--no-run", "--color", "never",
               "--target-dir", str(BUILD)]
    built = subprocess.run(command, cwd=COPY, env=environment, text=True, capture_output=True)
    program = re.search(r"Executable .*\((.*)\)", built.stderr)
    if built.returncode != 0 or not program:
        sys.exit(built.stderr + "The models do not build.")
    return COPY / program[1], "Compiling bridgeq" in built.stderr


def outcome_of(program, model, preemptions):
    environment = dict(os.environ, LOOM_MAX_PREEMPTIONS=str(preemptions), RUST_BACKTRACE="0")
    try:
        run = subprocess.run([program, "--exact", model, "--nocapture"], env=environment, text=True,
                             errors="replace", capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return Outcome("CUT", f"no end after {SECONDS} s")
    if "running 1 test" not in run.stdout:
        return Outcome("MISSING", "there is no such model")
    if run.returncode == 0:
        return Outcome("green", "")
    said = re.search(r"deadlock|Causality violation: [^.`]*|maximum number of branches"
                     r"|assertion .*|panicked at [^\n]*\n(.*)", run.stdout + run.stderr)
    return Outcome("red", (said[1] or said[0] if said else f"exit code {run.returncode}")[:60])


def body(text, where):
    """From where a function is named to its end: the brace that closes it is as far to the right."""
    if text.count(where) != 1:
        raise ValueError(f"{where!r} occurs {text.count(where)} times")
    start = text.rfind("\n", 0, text.index(where)) + 1
    indent = re.match(" *", text[start:])[0]
    return start, text.index(f"\n{indent}}}\n", start)


def weakened(text, change):
    start, end = body(text, change.where)
    function = text[start:end]
    if function.count(change.what) != 1:
        raise ValueError(f"{change.what!r} occurs {function.count(change.what)} times"
                         f" behind {change.where!r}")
    return text[:start] + function.replace(change.what, change.instead) + text[end:]


def texts(tree, changes):
    """What these changes make of the files below a tree, and what those were before."""
    before, after = {}, {}
    for change in changes:
        path = tree / change.file
        text = after.get(path) or path.read_text()
        before.setdefault(path, text)
        try:
            after[path] = weakened(text, change)
        except ValueError as wrong:
            sys.exit(f"ctests/rust/weakenings.py: {change.file}: {wrong}")
    return before, after


class Changed:
    """The copy, while these changes are made to it."""

    def __init__(self, changes):
        self.before, self.after = texts(COPY, changes)

    def __enter__(self):
        for path, text in self.after.items():
            path.write_text(text)

    def __exit__(self, *_):
        for path, text in self.before.items():
            path.write_text(text)


def run_models(changes, wanted):
    """What becomes of each (model, preemptions) with these changes."""
    with Changed(changes):
        program, is_new = build()
        if changes and not is_new:
            sys.exit("cargo did not build what was changed: remove target/weaken")
        return {which: outcome_of(program, *which) for which in wanted}


class Table:
    LINE = "{:42} {:42} {:75} {:8} {}"

    def __init__(self):
        self.failures = 0
        print(self.LINE.format("pair", "weakening", "model (preemptions)", "", ""))

    def rows(self, pair, title, outcomes, expected):
        for (model, preemptions), outcome in outcomes.items():
            right = outcome.color == expected
            self.failures += not right
            color = outcome.color if right else outcome.color.upper() + " !"
            model = f"{model} ({preemptions})"
            print(self.LINE.format(pair, title, model, color, outcome.why), flush=True)


def check_design(chosen):
    """Every pair of the table in docs/design.md is weakened, and names the models that see it."""
    lines = (TOP / "docs/design.md").read_text().partition("## Ordering pairs\n")[2].splitlines()
    rows = {}
    for line in lines:
        if line.startswith("## "):
            break
        if line.startswith("| ") and not line.startswith("| pair "):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            rows[cells[0]] = cells[-1]
    pairs = {one.pair for one in chosen}
    wrong = [f"no weakening of this pair: {pair}" for pair in rows if pair not in pairs]
    wrong += [f"not in the table of docs/design.md: {pair}" for pair in pairs if pair not in rows]
    for one in chosen:
        wrong += [f"docs/design.md does not name {model} beside {one.pair}"
                  for model in one.models if f"`{model}`" not in rows.get(one.pair, f"`{model}`")]
    if wrong:
        sys.exit("\n".join(sorted(set(wrong))))


def regex(text):
    try:
        return re.compile(text)
    except re.error as wrong:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {wrong}") from None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="REGEX", type=regex,
                        help="weaken what matches, by pair, title or model")
    parser.add_argument("--list", action="store_true", help="list the weakenings and do nothing")
    parser.add_argument("--check", action="store_true",
                        help="only see whether each still finds its place in the sources")
    arguments = parser.parse_args()
    every = list(weakenings())
    check_design(every)
    chosen = [one for one in every
              if arguments.only.search(f"{one.pair}\n{one.title}\n{' '.join(one.models)}")]
    if arguments.list:
        for one in chosen:
            print(f"{one.pair:42} {one.title:44} {' '.join(one.models)}")
        return 0
    if not chosen:
        sys.exit(f"nothing matches {arguments.only.pattern!r}")
    if arguments.check:
        for one in chosen:
            texts(TOP, [*one.given, *one.changes])
        return 0

    copy_sources()
    table = Table()
    green = {}  # what has to be, with nothing changed and with only what is given
    for one in chosen:
        for given in dict.fromkeys([(), one.given]):
            green.setdefault(given, set()).update((model, one.preemptions) for model in one.models)
    for given, wanted in green.items():
        title = "only what is given" if given else "none"
        table.rows("", title, run_models(given, sorted(wanted)), "green")
    for one in chosen:
        wanted = [(model, one.preemptions) for model in one.models]
        table.rows(one.pair, one.title, run_models([*one.given, *one.changes], wanted), "red")
    print(f"{len(chosen)} weakenings, {table.failures} not as they should be")
    return 1 if table.failures else 0


if __name__ == "__main__":
    sys.exit(main())
