#!/usr/bin/env python3
"""What the library depends on: no crate that is not on the list, none twice, none under a licence
that is not allowed. Crates that only build or test it count for the licences alone."""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def listed(name):
    """The lines of a list, without comments."""
    lines = (HERE / name).read_text().splitlines()
    return {line.split("#")[0].strip() for line in lines} - {""}


def is_allowed(expression, allowed):
    """Whether an SPDX expression can be satisfied by the allowed licences alone."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))

    def any_of():
        result = all_of()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            result = all_of() or result
        return result

    def all_of():
        result = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            result = one() and result
        return result

    def one():
        token = tokens.pop(0)
        if token != "(":
            name = token
            if tokens and tokens[0] == "WITH":
                name = " ".join([token, tokens.pop(0), tokens.pop(0)])
            return name in allowed
        result = any_of()
        tokens.pop(0)
        return result

    return any_of()


def reached(metadata, kinds):
    """The packages that the library reaches: its own dependencies of these kinds, and all of theirs."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    found, left = set(), [root]
    while left:
        package = left.pop()
        if package in found:
            continue
        found.add(package)
        wanted = kinds if package == root else {None, "build"}
        for dependency in nodes[package]["deps"]:
            if any(kind_of(kind) in wanted for kind in dependency["dep_kinds"]):
                left.append(dependency["pkg"])
    return found - {root}


def kind_of(kind):
    """None: for the library itself; "build"; "dev": for tests, and for models, which no library is."""
    return "dev" if kind["target"] in ("cfg(loom)", "cfg(shuttle)") else kind["kind"]


def problems_of(shipped, others):
    names = sorted(package["name"] for package in shipped)
    expected = listed("dependencies.txt")
    for name in sorted(set(names) - expected):
        yield f"{name} is not in ctests/dependencies.txt: does the library need it?"
    for name in sorted(expected - set(names)):
        yield f"{name} is in ctests/dependencies.txt and not needed any more"
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{name} is there in several versions: cargo tree --duplicates"
    allowed = listed("licences.txt")
    in_tests = allowed | {name.removeprefix("tests: ") for name in allowed}
    for packages, licences in ((shipped, allowed), (others, in_tests)):
        for package in packages:
            if not is_allowed(package["license"] or "none", licences):
                yield f"{package['name']}: {package['license']} is not in ctests/licences.txt"


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    metadata = json.loads(subprocess.run(command, cwd=HERE.parent, check=True, text=True,
                                         stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    in_library = reached(metadata, {None})
    around_it = reached(metadata, {None, "build", "dev"}) - in_library
    problems = list(problems_of([packages[i] for i in in_library], [packages[i] for i in around_it]))
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(in_library)} crates in the library, {len(around_it)} that build and test it")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
