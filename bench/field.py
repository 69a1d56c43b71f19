"""The contenders of one question: started once, measured in turn, standing still otherwise."""

import contextlib

from contenders import Absent


class Entry:
    """One row of a table: a contender under one load."""

    def __init__(self, key, label, server, load):
        self.key, self.label, self.server, self.load = key, label, server, load


class Field:
    """The contenders of one question that are there."""

    def __init__(self, bench, stack):
        self.bench, self.stack, self.entries, self.servers = bench, stack, [], []

    def add(self, name, make, start=lambda server: server.start()):
        """Starts it and gives it the data. None: absent, and the report says so."""
        try:
            server = make()
            self.stack.callback(server.stop)
            start(server)
            if hasattr(server, "load"):
                server.load()
        except Absent as why:
            self.bench.say_absent(name, str(why))
            return None
        except (RuntimeError, OSError, AssertionError) as error:
            self.bench.say_broken(name, f"did not start: {error}")
            return None
        server.pause()
        self.servers.append(server)
        return server

    def enter(self, key, label, server, load):
        if server is not None:
            self.entries.append(Entry(key, label, server, load))

    def measure(self, question):
        """All entries, all rounds, after a second of warm-up each."""
        with self.bench.shorter(1):
            for entry in list(self.entries) if not self.bench.is_smoke else ():
                self.one(question, entry, None)
        for number in range(self.bench.rounds):
            for entry in list(self.entries if number % 2 == 0 else reversed(self.entries)):
                self.one(question, entry, number)

    def one(self, question, entry, number):
        entry.server.resume()
        try:
            result = entry.load(entry.server)
            if number is not None:
                self.bench.note(question, entry.key, entry.label, number, result)
        except Absent as why:
            self.bench.say_absent(entry.label, str(why))
            self.entries.remove(entry)
        except RuntimeError as error:
            if number is not None:  # what a second of warm-up was too short for has its rounds
                self.bench.say_broken(f"{question}: {entry.label}", str(error))
                self.entries.remove(entry)
        finally:
            entry.server.pause()


@contextlib.contextmanager
def field(bench):
    with contextlib.ExitStack() as stack:
        yield Field(bench, stack)
