"""Every test has one label we know and a timeout; every test file is registered.

    lint_tests.py BUILD_FOLDER SOURCE_FOLDER
    lint_tests.py --self-test
"""

import json
import pathlib
import re
import subprocess
import sys

LABELS = {"lint", "unit", "prop", "sim", "integration", "e2e", "fuzz", "bench"}
TEST_FILE = re.compile(r"test_\w+\.(c|py)")


def complaints_of(listing, file_names):
    said, names = [], {test["name"] for test in listing["tests"]}
    for test in listing["tests"]:
        properties = {row["name"]: row["value"] for row in test.get("properties", [])}
        labels = properties.get("LABELS", [])
        if len(labels) != 1 or labels[0] not in LABELS:
            said.append(f"{test['name']}: labels {labels}")
        if not 0 < properties.get("TIMEOUT", 0) <= 3600:
            said.append(f"{test['name']}: no timeout")
    said += [f"{name} is not registered" for name in sorted(file_names) if name.rsplit(".", 1)[0] not in names]
    return len(listing["tests"]), said


def listing_of(build):
    command = ["ctest", "--test-dir", build, "--show-only=json-v1"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def file_names_in(source):
    return {path.name for path in pathlib.Path(source, "tests").rglob("test_*") if TEST_FILE.fullmatch(path.name)}


def test_row(name, label, timeout):
    properties = [{"name": "LABELS", "value": [label]}] if label else []
    properties += [{"name": "TIMEOUT", "value": timeout}] if timeout else []
    return {"name": name, "properties": properties}


def self_test():
    good = test_row("test_a", "unit", 60.0)
    cases = [
        ([good], {"test_a.c"}, False),
        ([good], {"test_a.c", "test_b.py"}, True),
        ([good, test_row("test_b", None, 60.0)], set(), True),
        ([good, test_row("test_b", "slow", 60.0)], set(), True),
        ([good, test_row("test_b", "unit", None)], set(), True),
    ]
    wrong = [f"{case}" for case in cases if bool(complaints_of({"tests": case[0]}, case[1])[1]) != case[2]]
    if complaints_of({"tests": []}, set())[0] != 0:
        wrong.append("no test is not nothing")
    return len(cases), wrong


def main():
    if sys.argv[1:] == ["--self-test"]:
        seen, complaints = self_test()
    else:
        seen, complaints = complaints_of(listing_of(sys.argv[1]), file_names_in(sys.argv[2]))
    print("\n".join(complaints))
    if seen == 0:
        print("this check saw nothing, so it proves nothing")
    sys.exit(1 if complaints or seen == 0 else 0)


main()
