"""The report says what was measured, what was not, and what is not met; and has a row for each question."""

import pathlib
import sys
import types
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import questions  # noqa: E402
import report  # noqa: E402


def bench_with(**results):
    """results: question={key: [row, ..]}"""
    made = {name: {key: {"label": key, "rows": rows} for key, rows in entries.items()} for name, entries in results.items()}
    return types.SimpleNamespace(results=made, checks={}, absent={}, broken={}, positions=10_000_000, events=50_000_000,
                                 is_smoke=False)


def rates(*values):
    return [{"rate": value, "server_cpu_s_per_1k": 1 / value} for value in values]


def all_targets(bench):
    return [target for question in questions.ALL for target in question.targets(bench)]


class ReportTest(unittest.TestCase):
    def test_every_question_has_a_row_when_nothing_was_measured(self):
        bench = bench_with()
        targets = all_targets(bench)
        text = report.markdown(bench, questions.ALL, targets, {})
        for question in questions.ALL:
            self.assertIn(f"\n| {question.name} |", text)
        self.assertEqual(text.count("not measured |"), len(targets))
        self.assertIn("0 of 37 met", text)
        self.assertIn("</svg>", report.plot(bench, targets))

    def test_a_ratio_is_of_the_medians_with_the_worst_and_best_round(self):
        bench = bench_with(read={"onhand": rates(80, 100, 90), "nginx": rates(100, 100, 120)})
        target = questions.Read().targets(bench)[0]
        self.assertEqual((target.measured, target.low, target.high, target.is_met), (0.9, 0.75, 1.0, True))

    def test_a_target_is_not_met_just_beyond_it(self):
        bench = bench_with(read={"onhand": rates(89), "nginx": rates(100)})
        self.assertEqual([target.is_met for target in questions.Read().targets(bench)], [False, False])
        self.assertIn("**not met**", report.markdown(bench, questions.ALL, all_targets(bench), {}))

    def test_the_stronger_form_of_postgres_is_the_one_to_beat(self):
        bench = bench_with(reserve={"onhand/32": rates(800), "pg-update/32": rates(90), "pg-for_update/32": rates(101)})
        target = questions.Reserve().targets(bench)[2]
        self.assertAlmostEqual(target.measured, 800 / 101)
        self.assertFalse(target.is_met)

    def test_one_unit_sold_that_was_not_there_is_not_met(self):
        bench = bench_with()
        bench.checks["hot"] = [{"key": "onhand/32", "stock": 1000, "asked": 5000, "taken": 1001, "answered": 1001}]
        self.assertIs(questions.Hot().targets(bench)[2].is_met, False)
        bench.checks["hot"] = [{"key": "onhand/32", "stock": 1000, "asked": 5000, "taken": 1000, "answered": 1000}]
        self.assertIs(questions.Hot().targets(bench)[2].is_met, True)
        bench.checks["hot"] = [{"key": "onhand/32", "stock": 1000, "asked": 900, "taken": 900, "answered": 900}]
        self.assertIsNone(questions.Hot().targets(bench)[2].is_met)

    def test_a_pause_without_a_snapshot_is_not_measured(self):
        row = {"rate": 1, "p99_ms": 0.1, "p999_ms": 0.2, "max_ms": 0.3, "has_snapshot": False}
        bench = bench_with(tail={"open": [row]})
        self.assertEqual([target.is_met for target in questions.Tail().targets(bench)], [True, True, None])

    def test_what_is_far_from_its_target_is_drawn_at_the_edge(self):
        bench = bench_with(batch={"onhand": rates(1)})
        picture = report.plot(bench, questions.Batch().targets(bench))
        self.assertIn(f'cx="{report.LEFT}.0"', picture)

    def test_a_run_beside_other_programs_is_called_one(self):
        for cores, is_said in ((0.1, False), (0.9, True)):
            bench = bench_with(read={"onhand": [{**rates(1)[0], "others_cores": cores}]})
            self.assertEqual("worth little" in report.markdown(bench, questions.ALL, all_targets(bench), {}), is_said)

    def test_numbers_have_three_digits(self):
        texts = [report.number(value) for value in (0.01234, 1.0, 12.345, 123.9, 1234567.0, None)]
        self.assertEqual(texts, ["0.0123", "1", "12.3", "124", "1,234,567", ""])


unittest.main()
