"""What a benchmark was run on: facts for the report."""

import os
import pathlib
import platform
import subprocess
import time


def output(*command):
    """The first line that a command prints, or "unknown"."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    lines = done.stdout.splitlines()
    return lines[0].strip() if done.returncode == 0 and lines else "unknown"


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def hypervisor():
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    return "a virtual machine" if " hypervisor" in flags else "no virtual machine"


def commit(root):
    def git(*arguments):
        return output("git", "-C", str(root), *arguments)

    changed = git("status", "--porcelain", "--untracked-files=no") != "unknown"
    return git("rev-parse", "--short=12", "HEAD") + (" and uncommitted changes" if changed else "")


def facts(root):
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": commit(root),
        "processor": f"{len(os.sched_getaffinity(0))} × {processor()}, {hypervisor()}",
        "memory": f"{memory:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "C library": " ".join(platform.libc_ver()),
        "compilers": f"{output('cc', '--version')}; {output('rustc', '--version')}",
    }


class Strangers:
    """How much of the processors others use while something of ours runs."""

    def __init__(self):
        self.ticks = os.sysconf("SC_CLK_TCK")
        self.processors = os.cpu_count()

    def busy(self):
        fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        user, nice, system, _idle, _wait, irq, softirq, steal = map(int, fields)
        return (user + nice + system + irq + softirq + steal) / self.ticks

    def start(self):
        self.before = (time.monotonic(), self.busy(), self.ours())

    def ours(self):
        times = os.times()
        return times.children_user + times.children_system + times.user + times.system

    def share(self):
        elapsed, busy, ours = (
            now - then
            for now, then in zip((time.monotonic(), self.busy(), self.ours()), self.before)
        )
        return min(1.0, max(0.0, (busy - ours) / (elapsed * self.processors)))
