"""Reads gcov's data into a table of lines reached. coverage.sh is the way in; this is its second half.

    coverage.py collect BUILD OUT        which lines the runs since the last deletion of *.gcda reached
    coverage.py check FUZZ               exit code 1 when a group is below its floor
    coverage.py report FUZZ OTHERS       the table, and each line that neither reached
"""
import fnmatch
import json
import os
import pathlib
import subprocess
import sys

# What reads bytes from outside, and the least percentage of lines that the fuzz targets alone reach. Raise the floors,
# do not lower them.
GROUPS = {
    'codec': (95, ['src/codec/*.c']),
    'http parser': (95, ['src/server/http_*.c', 'src/server/connection_input.c', 'src/server/percent.c',
                        'src/server/router.c']),
    'files of the app': (91, ['src/app/config.c', 'src/app/row_reader.c']),
    'storage readers': (89, ['src/storage/file_header.c', 'src/storage/file_name.c', 'src/storage/frame.c',
                            'src/storage/journal_reader.c', 'src/storage/journal_open.c', 'src/storage/segment.c',
                            'src/storage/recovery.c', 'src/storage/snapshot_format.c', 'src/storage/snapshot_list.c',
                            'src/storage/snapshot_reader.c']),
}
SOURCE = pathlib.Path(__file__).resolve().parents[2]


def group_of(path):
    for name, (_, patterns) in GROUPS.items():
        if any(fnmatch.fnmatch(path, pattern) for pattern in patterns):
            return name
    return None


def collect(build, out):
    """{file: {line: times}}, summed over every program that has the file."""
    reached = {}
    for data in sorted(pathlib.Path(build).resolve().rglob('*.gcda')):
        if '/tests/' in str(data):
            continue
        text = subprocess.run(['gcov', '--json-format', '--stdout', data], capture_output=True, text=True, check=True,
                              cwd=build)
        for file in json.loads(text.stdout)['files']:
            path = os.path.relpath(pathlib.Path(build, file['file']).resolve(), SOURCE)
            if group_of(path) is None:
                continue
            lines = reached.setdefault(path, {})
            for line in file['lines']:
                number = str(line['line_number'])
                lines[number] = lines.get(number, 0) + line['count']
    pathlib.Path(out).write_text(json.dumps(reached), encoding='ascii')


def share(lines):
    return 100 * sum(1 for count in lines if count > 0) / len(lines)


def load(path):
    reached = json.loads(pathlib.Path(path).read_text(encoding='ascii'))
    if not reached:
        sys.exit('nothing was reached: this proves nothing')
    return reached


def rows_of(reached):
    """(name, counts) of each group and, below it, of its files."""
    for group in GROUPS:
        files = sorted(path for path in reached if group_of(path) == group)
        yield group, [reached[path] for path in files]
        for path in files:
            yield '  ' + path, [reached[path]]


def check(fuzz):
    reached = load(fuzz)
    is_good = True
    for group, (floor, _) in GROUPS.items():
        counts = [count for path, lines in reached.items() if group_of(path) == group for count in lines.values()]
        got = share(counts)
        print(f'{group:18} {got:5.1f} % of {len(counts)} lines, floor {floor} %')
        is_good = is_good and got >= floor
    return 0 if is_good else 1


def report(fuzz, others):
    fuzz, others = load(fuzz), load(others)
    both = {path: {n: fuzz.get(path, {}).get(n, 0) + others.get(path, {}).get(n, 0)
                   for n in fuzz.get(path, {}) | others.get(path, {})} for path in sorted(fuzz | others)}
    print(f'{"":36} {"lines":>6} {"fuzz":>6} {"tests":>6} {"both":>6}')
    for name, files in rows_of(both):
        keys = [(path, n) for path, lines in both.items() if any(lines is one for one in files) for n in lines]
        shares = [share([one.get(path, {}).get(n, 0) for path, n in keys]) for one in (fuzz, others, both)]
        print(f'{name:36} {len(keys):6}' + ''.join(f'{value:6.1f}%' for value in shares))
    print('\nReached by neither:')
    for path, lines in both.items():
        text = (SOURCE / path).read_text(encoding='utf-8').splitlines()
        for number in sorted((int(n) for n, count in lines.items() if count == 0)):
            print(f'{path}:{number}: {text[number - 1].strip()}')
    return 0


if __name__ == '__main__':
    sys.exit({'collect': collect, 'check': check, 'report': report}[sys.argv[1]](*sys.argv[2:]))
