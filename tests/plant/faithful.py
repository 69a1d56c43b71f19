"""Woven sources are ours while no bug is chosen: the compiler makes the same code of both.

    faithful.py BUILD

For every woven file of a build with ONHAND_PLANTS its command of compile_commands.json is run twice, to assembly: on the
real file, and on the woven one with no bug to choose from (OH_PLANTS_NONE).
"""

import json
import pathlib
import shlex
import subprocess
import sys


def assembly_of(entry, source, woven_folder):
    kept, skip = [], False
    for word in shlex.split(entry["command"]):
        if skip or word in ("-c", "-g", "-MD", entry["file"]) or word.endswith("ccache"):
            skip = False
        elif word in ("-o", "-MT", "-MF"):
            skip = True
        elif source == entry["file"] or word != f"-I{woven_folder}/src":
            kept.append(word)
    command = [*kept, "-w", "-DOH_PLANTS_NONE", "-g0", "-S", "-o", "-", source]
    result = subprocess.run(command, cwd=entry["directory"], capture_output=True, text=True, check=True)
    return [line for line in result.stdout.split("\n") if not line.lstrip().startswith(".file")]


def differences(folder):
    folder = pathlib.Path(folder).resolve()
    woven_folder = folder / "woven"
    said, seen = [], 0
    for entry in json.loads((folder / "compile_commands.json").read_text(encoding="utf-8")):
        if not entry["file"].startswith(f"{woven_folder}/src/"):
            continue
        seen += 1
        woven = pathlib.Path(entry["file"])
        first_line = woven.read_text(encoding="utf-8").split("\n", 2)[1]
        source = shlex.split(first_line)[-1]
        if assembly_of(entry, entry["file"], woven_folder) != assembly_of(entry, source, woven_folder):
            said.append(f"{woven}: not the code of {source} when no plant is chosen")
    if seen == 0:
        said.append(f"{folder}: there is no woven file in this build")
    return said


if __name__ == "__main__":
    complaints = differences(sys.argv[1])
    print("\n".join(complaints))
    sys.exit(1 if complaints else 0)
