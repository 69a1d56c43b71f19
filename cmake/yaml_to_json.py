#!/usr/bin/env python3
"""Turns docs/openapi.yaml into JSON, or into a C file that holds that JSON.

    yaml_to_json.py SOURCE --json FILE
    yaml_to_json.py SOURCE --c FILE --symbol NAME

The C file defines `const char NAME[]` (with a closing NUL byte) and
`const size_t NAME_size` (without it).

Reads a subset of YAML, so that no YAML library is needed to build:
block mappings and block sequences indented by spaces; keys that are plain or
in double quotes; scalars that are plain, in double quotes, or one line of
JSON ("[...]", "{...}"); folded text ("key: >-"). Comments are whole lines.
Everything else (anchors, tags, tabs, a key that comes twice) is an error
that names the line.
"""
import argparse
import json
import re
import sys

KEY = re.compile(r'("(?:[^"\\]|\\.)*"|[^\s"\[\]{}#&*!|>%@`][^:#]*?):(?:\s+(.*))?$')
NUMBER = re.compile(r'-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$')
WORDS = {'true': True, 'false': False, 'null': None}


class YamlError(Exception):
    pass


class Reader:
    """The lines that count, as (number, indent, text), and a place among them."""

    def __init__(self, text):
        self.raw = text.split('\n')
        self.lines = []
        for number, line in enumerate(self.raw, 1):
            stripped = line.strip()
            if stripped and not stripped.startswith('#'):
                if '\t' in line:
                    raise YamlError(f'line {number}: a tab')
                self.lines.append((number, len(line) - len(line.lstrip(' ')), stripped))
        self.place = 0

    def peek(self):
        return self.lines[self.place] if self.place < len(self.lines) else (0, -1, '')

    def take(self):
        line = self.peek()
        self.place += 1
        return line

    def folded(self, indent):
        """The lines deeper than `indent`, joined by spaces."""
        words = []
        while self.peek()[1] > indent:
            words.append(self.take()[2])
        return ' '.join(words)


def scalar(number, text):
    if text[0] in '"[{':
        try:
            return json.loads(text)
        except ValueError as error:
            raise YamlError(f'line {number}: {error}') from error
    if text[0] in "&*!|>%@`'" or ': ' in text or ' #' in text:
        raise YamlError(f'line {number}: put this text in double quotes')
    if text in WORDS:
        return WORDS[text]
    if NUMBER.match(text):
        return json.loads(text)
    return text


def value_after_key(reader, number, indent, text):
    if text is None or text == '':
        if reader.peek()[1] <= indent and not (reader.peek()[1] == indent and reader.peek()[2].startswith('- ')):
            raise YamlError(f'line {number}: a key without a value')
        return node(reader, reader.peek()[1])
    if text == '>-':
        return reader.folded(indent)
    return scalar(number, text)


def mapping(reader, indent):
    result = {}
    while reader.peek()[1] == indent and not reader.peek()[2].startswith('- '):
        number, _, text = reader.take()
        match = KEY.match(text)
        if not match:
            raise YamlError(f'line {number}: expected "key: value"')
        key = json.loads(match.group(1)) if match.group(1).startswith('"') else match.group(1)
        if key in result:
            raise YamlError(f'line {number}: {key} comes twice')
        result[key] = value_after_key(reader, number, indent, match.group(2))
    return result


def sequence(reader, indent):
    result = []
    while reader.peek()[1] == indent and reader.peek()[2].startswith('- '):
        number, _, text = reader.peek()
        rest = text[2:].strip()
        if KEY.match(rest):
            inner = indent + len(text) - len(text[2:].lstrip())
            reader.lines[reader.place] = (number, inner, rest)
            result.append(node(reader, inner))
        else:
            reader.take()
            result.append(scalar(number, rest))
    return result


def node(reader, indent):
    if reader.peek()[2].startswith('- '):
        return sequence(reader, indent)
    return mapping(reader, indent)


def load(text):
    reader = Reader(text)
    result = node(reader, reader.peek()[1])
    if reader.place != len(reader.lines):
        raise YamlError(f'line {reader.peek()[0]}: wrong indent')
    return result


def c_source(symbol, data):
    rows = [', '.join(f'{byte}' for byte in data[start:start + 24]) for start in range(0, len(data), 24)]
    return (f'/* Made by cmake/yaml_to_json.py. Do not edit. */\n#include <stddef.h>\n\n'
            f'extern const char {symbol}[];\nextern const size_t {symbol}_size;\n\n'
            f'const char {symbol}[] = {{\n    ' + ',\n    '.join(rows) + ',\n    0\n};\n'
            f'const size_t {symbol}_size = {len(data)};\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('source')
    parser.add_argument('--json')
    parser.add_argument('--c')
    parser.add_argument('--symbol', default='oh_openapi_json')
    arguments = parser.parse_args()
    try:
        with open(arguments.source, encoding='utf-8') as file:
            data = json.dumps(load(file.read()), separators=(',', ':'))
    except YamlError as error:
        sys.exit(f'{arguments.source}: {error}')
    if arguments.json:
        with open(arguments.json, 'w', encoding='utf-8') as file:
            file.write(data + '\n')
    if arguments.c:
        with open(arguments.c, 'w', encoding='utf-8') as file:
            file.write(c_source(arguments.symbol, data.encode('ascii')))


if __name__ == '__main__':
    main()
