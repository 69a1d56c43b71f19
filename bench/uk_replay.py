#!/usr/bin/env python3
"""
Replays a real year of a retailer (538,914 events) through the HTTP interface, with kill -9 on the way, and compares
every position at the end with an independent fold of the accepted events. Prints one JSON line.

    ONHAND_PROGRAM=build/release/onhand python3 bench/uk_replay.py [--events N] [--durability disk|process|memory]

The data (../shared/data) is not part of the project; without it the program ends with 77.
"""
import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'tests', 'integration'))

from support.server import Server  # noqa: E402  pylint: disable=wrong-import-position
from support.uk_replay import Replay, as_line, has_data  # noqa: E402  pylint: disable=wrong-import-position


def main():
    parser = argparse.ArgumentParser(description='Replay a real year over HTTP.')
    parser.add_argument('--events', type=int, help='only the first N events')
    parser.add_argument('--durability', default='process', choices=['disk', 'process', 'memory'])
    parser.add_argument('--kills', type=int, default=3, help='how often the server is killed (not with memory)')
    parser.add_argument('--seed', type=int, help='for the moments of the kills')
    arguments = parser.parse_args()
    if not has_data():
        print('the data is not there', file=sys.stderr)
        return 77
    server = Server(durability=arguments.durability).start()
    try:
        kills = 0 if arguments.durability == 'memory' else arguments.kills
        replay = Replay(server, arguments.events, kills, arguments.seed, lambda line: print(line, file=sys.stderr))
        replay.load()
        replay.run()
        wrong = replay.compare()
        print(as_line({**replay.report(), 'durability': arguments.durability, 'positions_that_differ': len(wrong)}))
        for fault in replay.faults + wrong[:10]:
            print(fault, file=sys.stderr)
        server.stop()
        return 1 if wrong or replay.faults else 0
    finally:
        server.close()


if __name__ == '__main__':
    sys.exit(main())
