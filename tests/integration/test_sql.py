"""The files of sql/: migrations, views, retention, roles, fsck; on tables that are written by hand."""
import os
import re
import subprocess
import unittest

from support import fsck, projected_world
from support.case import main
from support.postgres import PostgresCase, PostgresError
from support.server import ROOT, run

MONTH = "date_trunc('month', now(), 'UTC')"


class SqlCase(PostgresCase):
    """A database with the tables; each test is a transaction that is rolled back."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.postgres is None:
            return
        cls.name = cls.migrated()
        cls.session = cls.postgres.session(cls.name, user='onhand')
        cls.addClassCleanup(cls.session.close)

    @classmethod
    def migrated(cls):
        name = cls.postgres.create_database()
        done = run('migrate', '--postgres', cls.postgres.uri(name))
        if done.returncode != 0:
            raise AssertionError(f'migrate: {done}')
        return name

    def setUp(self):
        super().setUp()
        self.session.query('BEGIN')
        self.addCleanup(self.session.query, 'ROLLBACK')

    def rows(self, sql):
        return self.session.query(sql)

    def refused(self, state, sql):
        """What it says; the transaction goes on as if nothing had been said."""
        self.rows('SAVEPOINT before')
        with self.assertRaises(PostgresError) as caught:
            self.rows(sql)
        self.rows('ROLLBACK TO SAVEPOINT before')
        self.assertEqual(caught.exception.state, state, caught.exception)
        return str(caught.exception)


class WorldCase(SqlCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.postgres is not None:
            projected_world.make(cls.session)


class TestComments(SqlCase):
    def test_everything_says_what_it_is(self):
        self.assertEqual(self.rows("""
            SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'onhand'::regnamespace AND c.relkind IN ('r', 'p', 'v')
               AND obj_description(c.oid, 'pg_class') IS NULL
            UNION ALL
            SELECT c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relnamespace = 'onhand'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND a.attnum > 0
               AND NOT a.attisdropped AND col_description(c.oid, a.attnum) IS NULL
            UNION ALL
            SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'onhand'::regnamespace
               AND obj_description(p.oid, 'pg_proc') IS NULL"""), [])


class TestViews(WorldCase):
    def test_available(self):
        # A n1: 18 - 1.5 (live; due has ended) - 1 (firm) - 0.5 (rule a1) - fences (4 - 1.5 live) and (2.5 - 1 firm)
        # A n2: 3 - 2 - 2 (rule a before rule at2); B n1: 1.125 - 2 - 1 (rule all); C off: not enabled
        self.assertEqual(self.rows('SELECT sku, node, available, on_hand, held, confirmed, safety_stock, fenced, short'
                                   ' FROM onhand.availability ORDER BY sku, node'), [
            ('A', 'n1', '11.000', '18.000', '1.500', '1.000', '0.500', '4.000', '0'),
            ('A', 'n2', '0', '3.000', '2.000', '0.000', '2.000', '0', '0'),
            ('B', 'n1', '0', '3.625', '0.000', '2.000', '1.000', '0', '0.875'),
            ('C', 'off', '0', '8.000', '0', '0', '1.000', '0', '0')])

    def test_rules_by_precedence(self):
        for rule, left in (('a1', '2.000'), ('a', '1.000'), ('all', '0')):
            self.rows(f"DELETE FROM onhand.rule WHERE rule = '{rule}'")
            self.assertEqual(self.session.value("SELECT safety_stock FROM onhand.availability"
                                                " WHERE sku = 'A' AND node = 'n1'"), left)
        self.assertEqual(self.session.value("SELECT safety_stock FROM onhand.availability WHERE node = 'n2'"), '3.000')

    def test_a_hold_ends_by_itself(self):
        self.rows("UPDATE onhand.reservation SET expires_at = now() - interval '1 second' WHERE reservation = 'live'")
        self.assertEqual(self.rows("SELECT available, held, fenced FROM onhand.availability"
                                   " WHERE sku = 'A' AND node = 'n1'"), [('11.000', '0.000', '5.500')])

    def test_the_ledger_may_be_ahead_of_the_clock(self):
        self.rows("UPDATE onhand.watermark SET at = now() + interval '2 days'")
        self.assertEqual(self.session.value("SELECT held FROM onhand.availability WHERE sku = 'A' AND node = 'n1'"),
                         '0')

    def test_oversold(self):
        self.assertEqual(self.rows('SELECT sku, node, short, reservations FROM onhand.oversold'),
                         [('B', 'n1', '0.875', '{firm}')])

    def test_aged_holds(self):
        rows = self.rows('SELECT reservation, is_over, held, confirmed FROM onhand.aged_holds ORDER BY age DESC, 1')
        self.assertEqual(rows, [('old', 'f', '2.000', '0.000'), ('due', 't', '4.000', '0.000'),
                                ('firm', 'f', '0.000', '3.000'), ('live', 'f', '1.500', '0.000')])

    def test_fulfilment_by_day(self):
        self.assertEqual(self.rows(f"""SELECT day = ({MONTH} - interval '10 days')::date, node, kind, channel,
                                       reservations, items, quantity FROM onhand.fulfilment_by_day"""),
                         [('t', 'n1', 'ship', 'web', '1', '1', '2.000')])

    def stock_at(self, sku, node, days):
        return self.rows(f"SELECT sellable, damaged, held, confirmed FROM onhand.stock_at('{sku}', '{node}',"
                         f" {MONTH} + {days} * interval '1 day')")

    def test_stock_at(self):
        for days, *figures in ((-21, '0.000', '0.000', '0.000', '0.000'), (-20, '20.000', '0.000', '0.000', '0.000'),
                               (-19, '19.000', '0.000', '0.000', '0.000'), (-18, '20.000', '0.000', '0.000', '0.000'),
                               (-11, '20.000', '0.000', '3.000', '0.000'), (-10, '18.000', '0.000', '0.000', '0.000'),
                               (-9, '18.000', '0.000', '1.000', '0.000'), (-8, '18.000', '0.000', '0.000', '0.000'),
                               (50, '18.000', '0.000', '5.500', '1.000')):
            self.assertEqual(self.stock_at('A', 'n1', days), [tuple(figures)], days)
        self.assertEqual(self.stock_at('B', 'n1', -20), [('0.000', '2.500', '0.000', '0.000')])
        self.assertEqual(self.stock_at('no', 'where', 0), [('0', '0', '0', '0')])


class TestRetention(WorldCase):
    def drop(self, cutoff, told='true'):
        return self.session.value(f'SELECT onhand.drop_months_before({cutoff}, {told})')

    def figures(self):
        return self.rows('SELECT sku, node, available, held, confirmed, short FROM onhand.availability ORDER BY 1, 2')

    def test_what_a_rebuild_needs_is_refused(self):
        said = self.refused('P0001', f'SELECT onhand.drop_months_before({MONTH})')
        self.assertIn('6 of them', said)
        self.assertEqual(self.session.value('SELECT count(*) FROM onhand.movement'), '9')
        self.rows('UPDATE onhand.watermark SET movements = 4194304 + 6')
        self.assertEqual(self.drop(MONTH, 'false'), '1')

    def test_sums_go_into_the_opening(self):
        before = self.figures()
        self.assertEqual(self.drop(MONTH), '1')
        self.assertEqual(self.figures(), before)
        self.assertEqual(fsck.complaints(self.session), [])
        self.assertEqual(self.rows("SELECT sku, node, state, quantity FROM onhand.opening ORDER BY 1, 2, 3"), [
            ('A', 'n1', 'sellable', '18.000'), ('A', 'n2', 'held', '2.000'), ('A', 'n2', 'sellable', '3.000'),
            ('B', 'n1', 'damaged', '2.500'), ('C', 'off', 'sellable', '8.000')])
        self.assertEqual(self.rows(f"SELECT forgotten, forgotten_at = {MONTH} - interval '10 days', history_from = {MONTH}"
                                   " FROM onhand.watermark"), [('6', 't', 't')])
        self.assertEqual([name for (name,) in self.rows('SELECT reservation FROM onhand.reservation ORDER BY 1')],
                         ['due', 'firm', 'live', 'old'])
        for table in ('booking', 'promise'):
            self.assertEqual(self.rows(f'SELECT DISTINCT reservation FROM onhand.{table}'), [('live',)])

    def test_the_past_that_is_gone_is_no_answer(self):
        self.drop(MONTH)
        self.assertEqual(self.rows(f"SELECT sellable FROM onhand.stock_at('A', 'n1', {MONTH} - interval '1 day')"), [])
        self.assertEqual(self.rows(f"SELECT sellable, held FROM onhand.stock_at('A', 'n2', {MONTH})"),
                         [('3.000', '2.000')])

    def test_again_and_further(self):
        self.assertEqual(self.drop(f"{MONTH} - interval '1 month'"), '0')
        self.assertEqual(self.drop(f"{MONTH} - interval '1 second'"), '0')
        self.assertEqual(self.drop(MONTH), '1')
        self.assertEqual(self.drop(MONTH), '0')
        self.assertEqual(self.drop(f"{MONTH} + interval '2 months'"), '0', 'a month that is not over')
        self.rows(f"UPDATE onhand.watermark SET at = {MONTH} + interval '1 month 2 days'")
        self.rows("UPDATE onhand.reservation SET expires_at = NULL")
        self.assertEqual(self.drop(f"{MONTH} + interval '2 months'"), '1')
        self.assertEqual(fsck.complaints(self.session), [])
        self.assertEqual(self.rows('SELECT forgotten FROM onhand.watermark'), [('7',)])
        self.assertEqual(self.session.value("SELECT quantity FROM onhand.opening"
                                            " WHERE (sku, node, state) = ('A', 'n1', 'held')"), '5.500')

    def test_what_ended_today_is_kept(self):
        self.rows(f"UPDATE onhand.watermark SET at = {MONTH} + interval '5 hours'")
        self.rows(f"UPDATE onhand.reservation SET ended_at = {MONTH} - interval '1 hour' WHERE reservation = 'gone'")
        self.drop(MONTH)
        self.assertEqual(self.rows("SELECT reservation FROM onhand.reservation WHERE ended_at IS NOT NULL"), [('gone',)])


# By its name in fsck.sql: statements that break the promise, each alone.
BREAKS = {
    'one watermark': ['DELETE FROM onhand.watermark'],
    'nothing past the watermark': [
        f'UPDATE onhand.{table} SET seq = 21' for table in (
            'node', 'item', 'node_group', 'channel', 'rule', 'fence', 'supply', 'position', 'movement', 'reservation_line',
            'reservation_event', 'idempotency_key', 'reservation', 'booking', 'promise', 'document')] + [
        "INSERT INTO onhand.postal_code VALUES ('FR', '1', '', 0, 0, 21)", 'UPDATE onhand.position_count SET seq = 21'],
    'stock = opening + movements': [
        "UPDATE onhand.position SET sellable = sellable + 0.001 WHERE sku = 'A' AND node = 'n1'",
        "UPDATE onhand.position SET returned = 1 WHERE sku = 'C'", "DELETE FROM onhand.position WHERE sku = 'C'",
        'DELETE FROM onhand.movement WHERE number = 2', "INSERT INTO onhand.opening VALUES ('A', 'n1', 'display', 1)"],
    'position = claims': [
        "UPDATE onhand.position SET held = held + 1 WHERE sku = 'C'", 'UPDATE onhand.position SET confirmed = 0',
        "DELETE FROM onhand.position WHERE sku = 'A' AND node = 'n2'",
        "DELETE FROM onhand.reservation_line WHERE reservation = 'old'"],
    'position = events': [
        "UPDATE onhand.position SET held = held + 1 WHERE sku = 'C'",
        "DELETE FROM onhand.reservation_event WHERE seq = 13", "INSERT INTO onhand.opening VALUES ('A', 'n1', 'held', 1)",
        "INSERT INTO onhand.opening VALUES ('A', 'n1', 'confirmed', 1)"],
    'numbers without a gap': [
        'UPDATE onhand.movement SET number = 9 WHERE number = 5', 'UPDATE onhand.movement SET number = 4 WHERE number = 5',
        'UPDATE onhand.watermark SET movements = 8', 'UPDATE onhand.watermark SET forgotten = 1',
        'DELETE FROM onhand.movement WHERE number = 0'],
    'who has a number': [
        "UPDATE onhand.movement SET number = 7 WHERE kind = 'count'", 'UPDATE onhand.movement SET number = NULL WHERE number = 5',
        "UPDATE onhand.movement SET number = NULL WHERE number = 2", "UPDATE onhand.movement SET number = 7 WHERE seq = 8"],
    'first movement': [
        "UPDATE onhand.position SET first_movement = 4 WHERE sku = 'A' AND node = 'n1'",
        "UPDATE onhand.position SET first_movement = 0 WHERE sku = 'C'", 'UPDATE onhand.position SET first_movement = NULL'],
    'the count that holds': [
        'UPDATE onhand.position_count SET quantity = 21', 'UPDATE onhand.position_count SET seq = 8',
        "UPDATE onhand.position_count SET as_of = as_of - interval '1 second', seq = NULL"],
    'claims have a reservation': ["DELETE FROM onhand.reservation WHERE reservation = 'old'"],
    'status follows': [
        "UPDATE onhand.reservation SET status = 'confirmed' WHERE reservation = 'old'",
        "UPDATE onhand.reservation SET status = 'released', ended_at = now() WHERE reservation = 'live'",
        "UPDATE onhand.reservation SET ended_at = NULL WHERE reservation = 'gone'",
        "DELETE FROM onhand.reservation_line WHERE reservation = 'firm'"],
    'times in order': [
        "UPDATE onhand.reservation SET ended_at = created_at - interval '1 second' WHERE reservation = 'gone'",
        "UPDATE onhand.reservation SET seq = 9 WHERE reservation = 'done'"],
    'holds end': ["UPDATE onhand.reservation SET expires_at = now() - interval '2 hours' WHERE reservation = 'due'"],
    'claim = events': [
        "UPDATE onhand.reservation_line SET fulfilled = 1 WHERE reservation = 'done' AND line = 1",
        "UPDATE onhand.reservation_line SET expired = 0 WHERE reservation = 'gone'",
        "UPDATE onhand.reservation_line SET quantity = 4 WHERE reservation = 'done' AND line = 2",
        "UPDATE onhand.reservation_line SET held = 1, confirmed = 1 WHERE reservation = 'old'",
        "DELETE FROM onhand.reservation_line WHERE reservation = 'back'",
        "UPDATE onhand.reservation_line SET line = 2 WHERE reservation = 'back'",
        'DELETE FROM onhand.reservation_event WHERE seq = 15 AND ordinal = 1'],
    'fulfilment = movement': [
        "UPDATE onhand.movement SET told = -1, quantity = -1 WHERE kind = 'fulfil'",
        "DELETE FROM onhand.movement WHERE kind = 'fulfil'", "DELETE FROM onhand.reservation_event WHERE event = 'fulfil'",
        "UPDATE onhand.movement SET line = 2 WHERE kind = 'fulfil'"],
    'no double': [
        'INSERT INTO onhand.movement SELECT * FROM onhand.movement WHERE seq = 8',
        'UPDATE onhand.reservation_event SET ordinal = 2 WHERE seq = 12',
        'UPDATE onhand.idempotency_key SET ordinal = 1'],
    'time grows with seq': [
        "UPDATE onhand.movement SET recorded_at = recorded_at + interval '1 second' WHERE seq = 5 AND ordinal = 1",
        "UPDATE onhand.reservation_event SET at = at - interval '3 days' WHERE seq = 14",
        "UPDATE onhand.movement SET recorded_at = recorded_at - interval '1 second' WHERE seq = 12"],
    'months': [
        "CREATE TABLE onhand.movement_2020_01 PARTITION OF onhand.movement FOR VALUES FROM ('2020-01-01') TO ('2020-02-01')",
        'CREATE TABLE onhand.movement_more PARTITION OF onhand.movement DEFAULT',
        "SELECT onhand.month_add('2020-01-15'); ALTER TABLE onhand.movement_2020_01 RENAME TO movement_2020_02",
        "SELECT onhand.month_add('2020-01-15'); DROP TABLE onhand.movement_2020_01; CREATE TABLE onhand.movement_2020_01"
        " PARTITION OF onhand.movement FOR VALUES FROM ('2020-01-01') TO ('2020-01-31')"],
    'history begins': [
        f'UPDATE onhand.watermark SET history_from = {MONTH}', "INSERT INTO onhand.opening VALUES ('A', 'n1', 'display', 1)"],
    'known names': [
        f"UPDATE onhand.{table} SET {column} = 'unknown'" for table, column in (
            ('position_count', 'sku'), ('movement', 'node'), ('reservation_line', 'sku'), ('reservation_event', 'node'),
            ('rule', "rule = rule || 'x', sku"), ('supply', 'node'), ('channel_node', 'node'), ('channel_node', 'channel'),
            ('channel_group', 'node_group'), ('channel_group', 'channel'), ('reservation', 'channel'))] + [
        f"UPDATE onhand.fence SET {column} = 'unknown' WHERE fence = 'f'" for column in ('sku', 'node', 'channel')] + [
        "INSERT INTO onhand.node_group_member VALUES ('unknown', 'n1', 0, 3)",
        "INSERT INTO onhand.node_group_member VALUES ('g', 'unknown', 0, 3)",
        "DELETE FROM onhand.item WHERE sku = 'C'", "DELETE FROM onhand.node WHERE node = 'off'",
        "INSERT INTO onhand.opening VALUES ('unknown', 'n1', 'display', 1)",
        "INSERT INTO onhand.position (sku, node, seq) VALUES ('A', 'unknown', 1)"],
    'indexes without a gap': [
        f"UPDATE onhand.{table} SET index = 7 WHERE index = 0" for table in ('item', 'node', 'node_group', 'channel')],
    'lists without a gap': [f'UPDATE onhand.{table} SET ordinal = 1' for table in ('channel_node', 'channel_group')],
    'fences': [
        "ALTER TABLE onhand.fence DROP CONSTRAINT fence_sku_node_channel_key; UPDATE onhand.fence SET channel = 'web'",
        "UPDATE onhand.fence SET node = 'off' WHERE fence = 'f'", "UPDATE onhand.supply SET sku = 'C'"],
    'rules': [
        "UPDATE onhand.rule SET sku = NULL WHERE rule = 'a'", "UPDATE onhand.rule SET safety_stock = NULL WHERE rule = 'a'"],
    'booked by a reservation': [
        "INSERT INTO onhand.booking VALUES ('unknown', 'n1', 'node/n1', 'orders', '2026-01-01', '2026-01-02', 1, 1, 1)"],
    'promised with a reservation': ["INSERT INTO onhand.promise VALUES ('unknown', '{}', 1)"],
    'due while it is live': [
        "UPDATE onhand.reservation_line SET due_at = '2030-01-01' WHERE held + confirmed = 0"],
    'keys': ["UPDATE onhand.idempotency_key SET key = 'kone'"],
    'imports': ['UPDATE onhand.watermark SET imports = 0', "INSERT INTO onhand.import_progress VALUES ('j', 1, 1, 1)"],
}


class TestFsck(WorldCase):
    def test_a_right_world_has_no_complaint(self):
        self.assertEqual(fsck.complaints(self.session), [])

    def test_empty_tables_have_no_complaint(self):
        with self.postgres.session(self.migrated()) as session:
            self.assertEqual(fsck.complaints(session), [])

    def test_each_query_finds_what_it_is_for(self):
        self.assertEqual(set(BREAKS), {name for name, _ in fsck.queries()})
        for name, statements in BREAKS.items():
            query = dict(fsck.queries())[name]
            for statement in statements:
                with self.subTest(name, statement=statement):
                    self.rows('SAVEPOINT before')
                    try:
                        self.rows(statement)
                        rows = self.rows(query)
                    finally:
                        self.rows('ROLLBACK TO SAVEPOINT before')
                    self.assertTrue(rows, 'it found nothing')
                    self.assertEqual({row[0] for row in rows}, {name})
                    self.assertTrue(all(None not in row for row in rows), rows)

    def test_with_psql(self):
        name = self.migrated()
        command = ['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-f', fsck.PATH, self.postgres.uri(name)]
        self.assertEqual(subprocess.run(command, capture_output=True, text=True, check=True).stdout, '')
        self.postgres.query("INSERT INTO onhand.item VALUES ('A', 3, '', '', 0)", name)
        self.assertEqual(subprocess.run(command, capture_output=True, text=True, check=True).stdout,
                         'indexes without a gap|item|1 rows, the last is 3\n')


class TestConstraints(WorldCase):
    """What the ledger promises cannot become a row that breaks it."""

    def test_broken_promises_are_refused(self):
        for state, statement in (
                ('23514', "UPDATE onhand.position SET held = -0.001 WHERE sku = 'C'"),
                ('23514', "UPDATE onhand.position SET confirmed = -0.001 WHERE sku = 'C'"),
                ('23514', "UPDATE onhand.reservation_line SET held = 3 WHERE reservation = 'old'"),
                ('23514', "UPDATE onhand.reservation_line SET fulfilled = -1 WHERE reservation = 'done' AND line = 1"),
                ('23514', "UPDATE onhand.reservation SET ended_at = now() WHERE reservation = 'old'"),
                ('23514', "UPDATE onhand.reservation SET status = 'lost'"),
                ('23514', 'UPDATE onhand.movement SET quantity = 1 WHERE number = 0'),
                ('23514', "UPDATE onhand.movement SET recorded_at = '1999-01-01'"),
                ('23514', "UPDATE onhand.watermark SET known_seq = 1"),
                ('23514', "UPDATE onhand.rule SET channel = 'web' WHERE rule = 'a1'"),
                ('23514', "INSERT INTO onhand.opening VALUES ('A', 'n1', 'lost', 1)"),
                ('23505', 'INSERT INTO onhand.watermark (seq) VALUES (0)'),
                ('23505', "UPDATE onhand.fence SET channel = 'web'"),
                ('23505', "UPDATE onhand.item SET index = 1 WHERE sku = 'A'"),
                ('23505', "INSERT INTO onhand.reservation_line (reservation, line, sku, node, quantity, held, confirmed,"
                          " fulfilled, expired, ordinal, seq) VALUES ('back', 1, 'B', NULL, 1, 0, 0, 0, 0, 1, 1)"),
                ('22003', "UPDATE onhand.position SET sellable = 1e16 WHERE sku = 'C'")):
            with self.subTest(statement):
                self.refused(state, statement)


class TestRoles(SqlCase):
    PATH = os.path.join(ROOT, 'sql', 'roles.sql')

    def psql(self, *arguments, user='postgres'):
        done = subprocess.run(['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', self.postgres.home, '-p',
                               str(self.postgres.port), '-U', user, '-d', self.name, *arguments],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def as_service(self):
        return f'host={self.postgres.home} port={self.postgres.port} user=onhand_service dbname={self.name}'

    def analyst(self):
        self.postgres.query("DROP ROLE IF EXISTS ann; CREATE ROLE ann LOGIN IN ROLE onhand_analyst", self.name)
        return self.postgres.session(self.name, user='ann')

    def check_roles(self):
        migrated = run('migrate', '--postgres', self.as_service())
        self.assertEqual(migrated.returncode, 0, migrated)
        with self.postgres.session(self.name, user='onhand_service') as session:
            projected_world.make(session)
            self.assertEqual(session.value(f'SELECT onhand.drop_months_before({MONTH}, true)'), '1')
        with self.analyst() as session:
            self.assertEqual(session.value('SELECT count(*) FROM onhand.availability'), '4')
            self.assertEqual(session.value('SELECT count(*) FROM onhand.movement'), '1')
            self.assertEqual(session.query("SELECT sellable FROM onhand.stock_at('C', 'off', now())"), [('8.000',)])
            for statement in ('DELETE FROM onhand.movement', 'UPDATE onhand.watermark SET seq = 0',
                              'SELECT onhand.drop_months_before(now(), true)', "SELECT onhand.month_add('2020-01-01')",
                              'CREATE TABLE onhand.mine (i integer)', 'DROP SCHEMA onhand CASCADE'):
                with self.subTest(statement), self.assertRaises(PostgresError) as caught:
                    session.query(statement)
                self.assertIn(caught.exception.state, ('42501', '25006'))

    def setUp(self):
        super().setUp()
        self.name = self.migrated()

    def test_before_the_first_migration(self):
        self.postgres.query('DROP SCHEMA onhand CASCADE', self.name)
        self.assertEqual(self.psql('-f', self.PATH)[0], 0)
        self.check_roles()

    def test_after_it_and_again(self):
        for _ in range(3):
            self.assertEqual(self.psql('-f', self.PATH), (0, '', ''))
        self.check_roles()

    def test_no_password_is_in_the_repository(self):
        with open(self.PATH, encoding='utf-8') as file:
            statements = re.sub('--.*', '', file.read())
        self.assertNotIn('PASSWORD', statements.upper())


if __name__ == '__main__':
    main()
