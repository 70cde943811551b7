"""What bridgeq wants to reach, and whether it did in this run."""

from figures import Figures, show

BOUNDED = "loop-1-b loop-4-b fanout-8 from-loop 1-1-b 4-1-b 2-2-b 4-4-b size-64 size-256".split()
UNBOUNDED = ("loop-1-u loop-4-u 1-1-u 4-1-u 2-2-u 4-4-u batch-u "
             "lifo-1e3 lifo-1e6 priority-1e3 priority-1e6").split()
TO_LOOP = "loop-1-b loop-1-u loop-4-b loop-4-u".split()


def lead_goal(figures, scenario, other, wanted):
    """(goal, figure, reached), or nothing where it was not measured."""
    if not (other and figures.has(scenario, "bridgeq") and figures.has(scenario, other)):
        return
    lead = figures.lead(scenario, "bridgeq", other)
    yield f"{scenario}: at least {wanted} × {other}", f"{lead:.2f} ×", lead >= wanted


def at_most(goal, figure, limit, unit=""):
    yield f"{goal}: at most {show(limit)}{unit}", f"{show(figure)}{unit}", figure <= limit


def streams(figures):
    for scenario in BOUNDED:
        yield from lead_goal(figures, scenario, figures.best_peer(scenario), 1.2)
        yield from lead_goal(figures, scenario, "crossbeam", 2)
    for scenario in UNBOUNDED:
        yield from lead_goal(figures, scenario, figures.best_peer(scenario), 1)
    for scenario in TO_LOOP:
        yield from lead_goal(figures, scenario, "mutex", 8)
        yield from lead_goal(figures, scenario, "mutex-every", 30)


def wakes(figures):
    for scenario in TO_LOOP:
        if figures.has(scenario, "bridgeq"):
            count = figures.median(scenario, "bridgeq", "wakes")
            if count is not None:
                goal = f"{scenario}: writes and futex calls in 1,000 items"
                yield from at_most(goal, 1000 * count, 1)


def round_trips(figures):
    yield from lead_goal(figures, "ping-2", "eventfd", 50)
    if figures.has("ping-2", "bridgeq"):
        best = min(figures.runs("ping-2", "bridgeq", "p99"))
        yield from at_most("ping-2: 99 % of the best round", best, 1000, " ns")
    yield from lead_goal(figures, "ping-1", "mutex", 1)
    yield from lead_goal(figures, "ping-busy", "mutex", 0.9)
    if figures.has("delay-ping", "bridgeq") and figures.has("delay-ping", "mutex"):
        ours, theirs = (figures.median("delay-ping", name) for name in ("bridgeq", "mutex"))
        yield from at_most("delay-ping: no more than with mutex", ours, theirs, " ns")


def floors(figures):
    for scenario in ("alone-b", "alone-u"):
        yield from lead_goal(figures, scenario, "floor", 0.5)
    yield from lead_goal(figures, "batch-b", "rtrb", 0.67)


def memory(figures):
    for scenario in ("idle-b", "idle-u"):
        if figures.has(scenario, "bridgeq"):
            used = figures.median(scenario, "bridgeq", "heap_bytes") or 0
            yield from at_most(f"{scenario}: memory of a queue", used, 512, " bytes")


def scaling(figures):
    for kind in ("watch-none", "watch-one"):
        few, many = f"{kind}-1e2", f"{kind}-1e5"
        if figures.has(few, "bridgeq") and figures.has(many, "bridgeq"):
            grown = figures.median(many, "bridgeq") / figures.median(few, "bridgeq")
            yield from at_most(f"{kind}: 100,000 watched against 100", grown, 1.5, " ×")
    for kind in "bu":
        many, one = f"4-4-{kind}", f"1-1-{kind}"
        if figures.has(many, "bridgeq") and figures.has(one, "bridgeq"):
            kept = figures.median(many, "bridgeq") / figures.median(one, "bridgeq")
            yield f"{many}: at least 0.6 × {one}", f"{kept:.2f} ×", kept >= 0.6


def all_goals(data):
    figures = Figures(data)
    for part in (streams, wakes, round_trips, floors, memory, scaling):
        yield from part(figures)


def table(data):
    lines = ["| goal | figure | |", "|---|---:|---|"]
    for goal, figure, reached in all_goals(data):
        lines.append(f"| {goal} | {figure} | {'reached' if reached else '**missed**'} |")
    return "\n".join(lines)


def text(data):
    rows = list(all_goals(data))
    if not rows:
        return ""
    width = max(len(goal) for goal, _, _ in rows)
    lines = [f"{goal:{width}}  {figure:>12}{'' if reached else '  missed'}"
             for goal, figure, reached in rows]
    reached = sum(reached for _, _, reached in rows)
    return "\n".join(["", *lines, f"{reached} of {len(rows)} goals reached", ""])
