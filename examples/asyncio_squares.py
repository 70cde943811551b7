#!/usr/bin/env python3
"""bridgeq from Python, by ctypes: threads square numbers for an asyncio loop that never blocks.

All that a binding takes is here: the structs as the header has them, a check of each status, and
one add_reader() for any number of queues."""

import argparse
import asyncio
import ctypes
import threading
from ctypes import POINTER, byref, c_char_p, c_int, c_int32, c_int64, c_size_t, c_ssize_t, c_uint32, c_void_p

NOWAIT, FOREVER = 0, -1
READABLE, WRITABLE = 1, 2
DRAIN = 0
OK, EMPTY, FULL, SHUTDOWN = 0, -1, -2, -4


class Options(ctypes.Structure):  # bq_options
    _fields_ = [("size", c_size_t), ("order", c_uint32), ("flags", c_uint32), ("capacity", c_size_t),
                ("item_size", c_size_t), ("drop", c_void_p), ("compare", c_void_p),
                ("context", c_void_p), ("linger_ns", c_int64)]


class Event(ctypes.Structure):  # bq_event
    _fields_ = [("queue", c_void_p), ("data", c_void_p), ("events", c_uint32)]


FUNCTIONS = {  # what each returns, and takes
    "bq_status_text": (c_char_p, c_int32),
    "bq_queue_new": (c_int32, POINTER(Options), POINTER(c_void_p)),
    "bq_queue_unref": (None, c_void_p),
    "bq_put": (c_int32, c_void_p, c_void_p, c_int64),
    "bq_get": (c_int32, c_void_p, c_void_p, c_int64),
    "bq_shutdown": (c_int32, c_void_p, c_uint32),
    "bq_poller_new": (c_int32, c_void_p, POINTER(c_void_p)),
    "bq_poller_unref": (None, c_void_p),
    "bq_poller_fd": (c_int, c_void_p),
    "bq_poller_add": (c_int32, c_void_p, c_void_p, c_uint32, c_void_p),
    "bq_poller_modify": (c_int32, c_void_p, c_void_p, c_uint32, c_void_p),
    "bq_poller_poll": (c_ssize_t, c_void_p, POINTER(Event), c_size_t),
}


def load(path):
    library = ctypes.CDLL(path)  # calls without the interpreter's lock: other threads go on
    for name, (result, *arguments) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def checked(status):
    """A count or a descriptor as it is, a failure as an exception."""
    if status < 0:
        raise RuntimeError(bq.bq_status_text(status).decode())
    return status


class Queue:
    """A queue of numbers."""

    def __init__(self, capacity):
        self.handle = c_void_p()
        options = Options(size=ctypes.sizeof(Options), capacity=capacity, item_size=8)
        checked(bq.bq_queue_new(byref(options), byref(self.handle)))

    def put(self, number, timeout_ns):
        """Whether there was room in time."""
        status = bq.bq_put(self.handle, byref(c_int64(number)), timeout_ns)
        return status != FULL and checked(status) == OK

    def get(self, timeout_ns):
        """The next number; none where it was not there in time, or will never be."""
        number = c_int64()
        status = bq.bq_get(self.handle, byref(number), timeout_ns)
        return None if status in (EMPTY, SHUTDOWN) else checked(status) or number.value

    def shut_down(self):
        checked(bq.bq_shutdown(self.handle, DRAIN))

    def release(self):
        bq.bq_queue_unref(self.handle)


class Poller:
    """What one asyncio loop watches, by one descriptor: `watch` names who is called for an event."""

    def __init__(self):
        self.handle = c_void_p()
        self.served_by = {}
        checked(bq.bq_poller_new(None, byref(self.handle)))
        self.descriptor = checked(bq.bq_poller_fd(self.handle))
        asyncio.get_running_loop().add_reader(self.descriptor, self._readable)

    def watch(self, queue, events, serve):
        self.served_by[queue.handle.value] = serve
        checked(bq.bq_poller_add(self.handle, queue.handle, events, None))

    def pause(self, queue):
        checked(bq.bq_poller_modify(self.handle, queue.handle, 0, None))

    def _readable(self):  # once a call: what is left holds the descriptor readable
        events = (Event * 64)()
        for event in events[:checked(bq.bq_poller_poll(self.handle, events, len(events)))]:
            self.served_by[event.queue]()

    def release(self):
        asyncio.get_running_loop().remove_reader(self.descriptor)
        bq.bq_poller_unref(self.handle)


def worker(jobs, results):
    while (job := jobs.get(FOREVER)) is not None:
        results.put(job * job, FOREVER)


async def add_up(last, jobs, results):
    poller, numbers, squares = Poller(), iter(range(1, last + 1)), []
    everything = asyncio.get_running_loop().create_future()
    waiting = next(numbers)

    def hand_out():
        nonlocal waiting
        for _ in range(64):
            if not jobs.put(waiting, NOWAIT):
                return  # called again when there is room
            waiting = next(numbers, None)
            if waiting is None:
                return poller.pause(jobs)

    def take_in():
        for _ in range(64):
            square = results.get(NOWAIT)
            if square is None:
                return
            squares.append(square)
            if len(squares) == last:
                everything.set_result(sum(squares))

    poller.watch(jobs, WRITABLE, hand_out)
    poller.watch(results, READABLE, take_in)
    total = await everything
    poller.release()
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", default="libbridgeq.so.0", help="its path, where the system does not find it")
    parser.add_argument("--last", type=int, default=10000, help="square the numbers from 1 to this (10000)")
    options = parser.parse_args()
    if options.last < 1:
        parser.error("--last is a number above 0")
    global bq
    try:
        bq = load(options.library)
    except OSError as wrong:
        parser.error(f"{wrong}; from the tree: make, then --library target/release/libbridgeq.so")

    jobs, results = Queue(64), Queue(64)
    threads = [threading.Thread(target=worker, args=(jobs, results), daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    total = asyncio.run(add_up(options.last, jobs, results))
    jobs.shut_down()
    for thread in threads:
        thread.join()
    jobs.release()
    results.release()
    print(f"the squares of the numbers up to {options.last} add up to {total}")


if __name__ == "__main__":
    main()
