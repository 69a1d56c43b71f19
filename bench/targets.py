"""Targets, and the ratios that are held against them."""

import statistics


class Target:
    """asked: "at least" or "at most" a number. measured: None when it could not be."""

    def __init__(self, question, text, is_at_least, asked, measured, unit="", low=None, high=None, note=""):
        self.question, self.text, self.is_at_least, self.asked, self.unit = question, text, is_at_least, asked, unit
        self.measured, self.low, self.high, self.note = measured, low, high, note

    @property
    def is_met(self):
        if self.measured is None:
            return None
        return self.measured >= self.asked if self.is_at_least else self.measured <= self.asked


def at_least(*arguments, **more):
    return Target(arguments[0], arguments[1], True, *arguments[2:], **more)


def at_most(*arguments, **more):
    return Target(arguments[0], arguments[1], False, *arguments[2:], **more)


def values(bench, question, key, name="rate"):
    return [row[name] for row in bench.results.get(question, {}).get(key, {"rows": []})["rows"]]


def median(numbers):
    return statistics.median(numbers) if numbers else None


def ratio(bench, question, over, under, name="rate"):
    """measured, low, high: of the medians, and the smallest and the largest of one round."""
    above, below = values(bench, question, over, name), values(bench, question, under, name)
    if not above or not below or not median(below):
        return {"measured": None}
    pairs = [a / b for a, b in zip(above, below) if b]
    return {"measured": median(above) / median(below), "low": min(pairs), "high": max(pairs)}


def best_of(bench, question, keys):
    """Of these contenders the one with the highest median rate."""
    there = [key for key in keys if values(bench, question, key)]
    return max(there, key=lambda key: median(values(bench, question, key)), default=keys[0])


def alone(bench, question, key, name="rate", scale=1.0):
    found = [value * scale for value in values(bench, question, key, name)]
    return {"measured": median(found), "low": min(found), "high": max(found)} if found else {"measured": None}
