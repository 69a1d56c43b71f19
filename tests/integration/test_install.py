"""What is installed can be used: a program built against the installed headers and library alone."""

import os
import pathlib
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(os.environ["ONHAND_PROGRAM"]).parent
# The sanitizers' run time must be linked when the library was built with them.
SANITIZE = os.environ.get("ONHAND_SANITIZE", "")

CONSUMER = """
#include <stdio.h>
int main(void)
{
    puts(oh_err_text(OH_E_NO_SPACE));
    return 0;
}
"""


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, text=True, **options)


def flags_of(library_folder, option):
    environment = dict(os.environ, PKG_CONFIG_PATH=f"{library_folder}/pkgconfig")
    return run("pkg-config", option, "onhand", stdout=subprocess.PIPE, env=environment).stdout.split()


def defined_names(library):
    """The names the library gives to a program that links it."""
    lines = run("nm", "--extern-only", "--defined-only", library, stdout=subprocess.PIPE).stdout.splitlines()
    names = [line.split()[2] for line in lines if len(line.split()) == 3]
    assert names, "the library defines nothing"
    return names


def check(root):
    run("cmake", "--install", BUILD, "--prefix", root / "usr", stdout=subprocess.DEVNULL)
    program = root / "usr/bin/onhand"
    assert os.access(program, os.X_OK), "the program is not installed"
    library_folder = next((root / "usr").rglob("libonhand.a")).parent
    foreign = [name for name in defined_names(library_folder / "libonhand.a") if not name.startswith("oh_")]
    assert not foreign, f"names that could meet those of an embedding program: {foreign}"
    headers = sorted(path.name for path in (root / "usr/include/onhand").iterdir())
    assert "error.h" in headers, f"public headers: {headers}"
    source = root / "consumer.c"
    source.write_text("".join(f"#include <onhand/{name}>\n" for name in headers) + CONSUMER)
    extra = [f"-fsanitize={SANITIZE}"] if SANITIZE else []
    include = f"-I{root}/usr/include"
    library = [f"-L{library_folder}", "-lonhand", "-lm"]
    assert "-lonhand" in flags_of(library_folder, "--libs"), "onhand.pc does not name the library"
    run("cc", "-std=c11", "-Wall", "-Wextra", "-Werror", include, source, "-o", root / "consumer", *extra, *library)
    said = run(root / "consumer", stdout=subprocess.PIPE).stdout
    assert said == "no space left on the device\n", said


def main():
    if not os.access(os.environ["ONHAND_PROGRAM"], os.X_OK):
        print("the program is not built")
        sys.exit(1)
    with tempfile.TemporaryDirectory() as root:
        check(pathlib.Path(root))


main()
