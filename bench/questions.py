"""The questions: who takes part, how it is measured, and what is asked for.

A question has a name, a title, the unit of its rates, run(bench), which measures into bench.results, and targets(bench), which
says afterwards what was asked for and what came of it.
"""

from questions_onhand import Cells, Engine, Growth, Import, Memory, Recovery, Tail
from questions_peers import Batch, Hot, Read, Reserve
from questions_threads import Threads

ALL = (Read(), Reserve(), Hot(), Batch(), Cells(), Engine(), Tail(), Recovery(), Import(), Memory(), Growth(),
       Threads())
