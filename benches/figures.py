"""Medians and ratios of what was measured: what report, plot and goals have in common."""

from statistics import median

OURS = ("bridgeq", "bridgeq-edge", "bridgeq-many")
# What cannot be used as a queue between threads and loops, and is there to compare with.
FLOORS = ("floor", "rtrb", "eventfd")


class Figures:
    def __init__(self, data):
        self.measured = data["measured"]
        self.scenarios = {it["name"]: it for it in data["scenarios"]}

    def has(self, scenario, contender):
        return contender in self.measured.get(scenario, {})

    def contenders(self, scenario):
        """Best first."""
        if scenario not in self.measured:
            return []
        runs_of = self.measured[scenario]
        names = sorted(runs_of, key=lambda name: median(runs_of[name]["value"]))
        return names[::-1] if self.more_is_better(scenario) else names

    def more_is_better(self, scenario):
        return "/s" in self.scenarios[scenario]["unit"]

    def runs(self, scenario, contender, key="value"):
        return self.measured[scenario][contender].get(key)

    def median(self, scenario, contender, key="value"):
        runs = self.runs(scenario, contender, key)
        return median(runs) if isinstance(runs, list) else runs

    def lead(self, scenario, ours, other):
        """How many times as good as the other: the median of the rounds, each for itself."""
        mine, theirs = self.runs(scenario, ours), self.runs(scenario, other)
        if self.more_is_better(scenario):
            mine, theirs = theirs, mine
        return median(other / own for own, other in zip(mine, theirs) if own)

    def best_peer(self, scenario):
        for name in self.contenders(scenario):
            if name not in OURS and name not in FLOORS:
                return name
        return None


def show(value):
    """Three digits, and no exponent."""
    if value is None:
        return "–"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 0.001 or value == 0 else "<0.001"
