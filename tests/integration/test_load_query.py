"""`onhand load --from-postgres`: rows of a company's own tables, whatever their types, with the verdicts of an import."""
import os
import signal
import subprocess
import tempfile
import shutil

from support.case import main
from support.client import url
from support.postgres import PASSWORD, PostgresCase
from support.server import PROGRAM, Server, run, wait_until

ERP = """
CREATE TABLE shop (id integer PRIMARY KEY, title text, is_depot boolean, hands_over text, lat numeric, lon numeric);
INSERT INTO shop VALUES (1, E'Lyon, "Part-Dieu"', false, 'yes', 45.7606, 4.8589), (2, NULL, true, 'no', NULL, NULL);
CREATE TABLE article (number bigint PRIMARY KEY, label text);
INSERT INTO article SELECT n, CASE WHEN n % 7 = 0 THEN '' ELSE 'article ' || n END FROM generate_series(1, 20000) n;
CREATE TABLE counted (article bigint, shop integer, pieces numeric(12, 3), counted_at timestamp, stamp timestamptz);
INSERT INTO counted SELECT n, 1 + n % 2, n + 0.5, '2026-01-02 03:04:05.678', '2026-01-02 04:04:05.678+01'
    FROM generate_series(1, 20000) n;
CREATE TABLE awaited (id text, article bigint, shop integer, pieces integer, day date);
INSERT INTO awaited VALUES ('po-1', 1, 1, 12, '2030-06-01');
CREATE TABLE zip (country char(2), code text, place text, lat real, lon real);
INSERT INTO zip VALUES ('FR', '69003', 'Lyon', 45.75, 4.85);
"""

QUERIES = """
-- The ERP's own names, in the names of the CSV files.

-- load: stock
SELECT article AS sku, shop AS node, pieces AS quantity, counted_at AS as_of FROM counted WHERE shop = 1
UNION ALL
SELECT article, shop, pieces, stamp AT TIME ZONE 'UTC' FROM counted WHERE shop = 2
ORDER BY sku;   -- so that it could be named

-- Places.
-- load: nodes
SELECT id AS node, title AS name, CASE WHEN is_depot THEN 'warehouse' ELSE 'store' END AS type, lat, lon,
       NOT is_depot AS ships, hands_over AS collects
FROM shop;

-- load: items
SELECT number AS sku, label AS name FROM article;
-- load: supplies
SELECT id AS supply, article AS sku, shop AS node, pieces AS quantity, day AS eta FROM awaited
-- load: postal_codes
SELECT country, code AS postal_code, place, lat, lon FROM zip;
-- load: groups
VALUES_OF_GROUPS
""".replace('VALUES_OF_GROUPS', "SELECT 'all' AS \"group\", id AS node, id AS priority FROM shop;")


class LoadQuery(PostgresCase):
    def setUp(self):
        super().setUp()
        self.home = tempfile.mkdtemp(prefix='onhand-test-')
        self.addCleanup(shutil.rmtree, self.home, True)
        self.database = self.postgres.create_database()
        self.uri = self.postgres.uri(self.database)
        self.query(ERP)
        self.query('GRANT SELECT ON ALL TABLES IN SCHEMA public TO onhand')
        self.server = Server()
        self.addCleanup(self.server.close)
        self.server.start()

    def query(self, sql):
        return self.postgres.query(sql, self.database)

    def file(self, text):
        path = os.path.join(self.home, 'queries.sql')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        return path

    def arguments(self, text, *more, uri=None):
        return ['load', '--to', f'http://127.0.0.1:{self.server.port}', '--from-postgres', uri or self.uri, '--query',
                self.file(text), *more]

    def load(self, text, *more, uri=None):
        result = run(*self.arguments(text, *more, uri=uri))
        self.assertNotIn(PASSWORD, result.stdout + result.stderr)
        return result

    def loaded(self, text, *more):
        result = self.load(text, *more)
        self.assertEqual((result.returncode, result.stderr), (0, ''), result)
        return result.stdout

    def refused(self, text, part, code=1, uri=None):
        result = self.load(text, uri=uri)
        self.assertEqual(result.returncode, code, result)
        self.assertIn(part, result.stderr)
        return result

    def get(self, *path, **more):
        with self.server.client() as client:
            return client.get(url(*path, **more)).json

    # ---- what works

    def test_every_kind_comes_with_the_types_that_a_company_has(self):
        said = self.loaded(QUERIES)
        self.assertIn('query stock: 20000 rows', said)
        self.assertLess(said.index('query items'), said.index('query stock'))   # in the order of need, not of the file
        node = self.get('v1', 'nodes', '1')
        self.assertEqual((node['name'], node['ships'], node['collects'], node['lat']),
                         ('Lyon, "Part-Dieu"', True, True, 45.7606))
        depot = self.get('v1', 'nodes', '2')
        self.assertEqual((depot['type'], depot['ships'], depot['collects'], depot.get('lat')),
                         ('warehouse', False, False, None))
        self.assertEqual(self.get('v1', 'groups', 'all')['nodes'], ['1', '2'])
        for sku in ('9998', '9999'):    # one at each place: the two types of time are one
            stock = self.get('v1', 'stock', sku, str(1 + int(sku) % 2))
            self.assertEqual((stock['sellable'], stock['as_of']), (int(sku) + 0.5, '2026-01-02T03:04:05.678Z'))
        self.assertEqual(self.get('v1', 'supplies', 'po-1')['eta'], '2030-06-01T00:00:00Z')

    def test_a_second_time_changes_nothing(self):
        self.loaded(QUERIES)
        self.assertIn('query stock: 20000 rows', again := self.loaded(QUERIES))
        self.assertIn('0 applied, 20000 unchanged', again)

    def test_a_named_load_that_is_repeated_skips_what_was_done(self):
        text = '-- load: items\nSELECT number AS sku FROM article ORDER BY number'
        self.loaded(text, '--import-id', 'nightly')
        self.assertIn('the server had 20000 rows from before', self.loaded(text, '--import-id', 'nightly'))

    def test_rows_that_are_refused_are_named(self):
        result = self.load('-- load: items\nSELECT sku FROM (VALUES (1, \'a\'), (2, \'\'), (3, \'b\')) AS v (n, sku)')
        self.assertEqual(result.returncode, 1, result)
        self.assertIn('query items row 2: ', result.stdout)
        self.assertIn('2 applied, 0 unchanged, 1 rejected', result.stdout)

    def test_all_queries_see_one_moment(self):
        """What is written between two queries is in none of them."""
        self.query('CREATE FUNCTION slow() RETURNS text LANGUAGE plpgsql AS $$BEGIN'
                   ' PERFORM pg_advisory_lock_shared(1); RETURN $1; END$$'.replace('slow()', 'slow(text)'))
        text = ("-- load: items\nSELECT slow(number::text) AS sku FROM article WHERE number < 3\n"
                "-- load: nodes\nSELECT id AS node, 'store' AS type FROM shop")
        with self.postgres.session(self.database) as blocker:
            blocker.query('SELECT pg_advisory_lock(1)')
            with subprocess.Popen([PROGRAM, *self.arguments(text)], stdout=subprocess.PIPE, text=True) as process:
                wait_until(lambda: self.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory'"),
                           'the query does not run')
                self.query("INSERT INTO shop VALUES (3, 'new')")
                blocker.query('SELECT pg_advisory_unlock(1)')
                self.assertEqual(process.wait(60), 0)
                self.assertIn('query nodes: 2 rows', process.stdout.read())

    def test_a_connection_that_breaks_is_made_anew(self):
        self.query('CREATE FUNCTION slow(bigint) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN'
                   ' IF $1 = 15000 THEN PERFORM pg_advisory_lock_shared(1); END IF; RETURN $1; END$$')
        text = '-- load: items\nSELECT slow(number) AS sku FROM article ORDER BY number'
        with self.postgres.session(self.database) as blocker:
            blocker.query('SELECT pg_advisory_lock(1)')
            with subprocess.Popen([PROGRAM, *self.arguments(text)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True) as process:
                wait_until(lambda: self.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory'"),
                           'the query does not run')
                self.postgres.reset_connections()
                wait_until(lambda: self.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory'"),
                           'the query does not run again')
                blocker.query('SELECT pg_advisory_unlock(1)')
                out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        self.assertIn('terminating connection due to administrator command; try 2 of 10 follows', err)
        self.assertIn('query items: 20000 rows', out)

    # ---- what does not

    def test_wrong_files_are_refused_with_their_line(self):
        for text, part in (('SELECT 1', 'line 1: SQL in front of the first line'),
                           ('-- nothing\n', 'has no line "-- load: KIND"'),
                           ('-- load: nodes\nSELECT 1\n\n-- load: shops\nSELECT 2', "line 4: 'shops' is no kind of rows"),
                           ('-- load: nodes\nSELECT 1\n-- load: nodes\nSELECT 2', 'line 3: a second query for nodes'),
                           ('-- load: nodes\n-- load: items\nSELECT 2', 'no query follows "-- load: nodes"'),
                           ('-- load: nodes\n ;\n', 'no query follows "-- load: nodes"'),
                           ('-- load: nodes\n' + '-' * 1048577, 'is larger than 1048576 bytes')):
            self.refused(text, part, code=2)
        both = self.load('-- load: items\nSELECT 1 AS sku', '--items', 'items.csv')
        self.assertEqual(both.returncode, 2)
        self.assertIn('have rows of kind items', both.stderr)

    def test_a_query_that_postgresql_refuses_is_named_with_its_reason(self):
        good = '-- load: nodes\nSELECT id AS node, \'store\' AS type FROM shop\n'
        for text, part in (('-- load: items\nSELECT sku FROM nowhere', 'query items: relation "nowhere" does not exist'),
                           ('-- load: items\nSELECT 1 AS sku; DROP TABLE shop', 'query items: syntax error'),
                           ('-- load: items\nDELETE FROM shop RETURNING id AS sku', 'query items: syntax error'),
                           ('-- load: items\nSELECT 1 AS sku) TO STDOUT; SELECT (1', 'query items: '),
                           ("-- load: items\nSELECT 1 AS sku) TO PROGRAM 'true' --", 'query items: '),
                           ('-- load: items\nSELECT 1 AS sku, 2 AS "SKU,"', 'query items: the names of its columns'),
                           ('-- load: items\nSELECT 1 AS sku, 2 AS sku', 'query items: column reference "sku" is ambiguous'),
                           ("-- load: supplies\nSELECT 'x' AS supply, 'soon' AS eta",
                            'query supplies: invalid input syntax for type timestamp with time zone'),
                           ('-- load: items\nSELECT sku FROM other.items', 'query items: relation "other.items"')):
            self.refused(good + text, part)
        self.assertEqual(self.query('SELECT count(*) FROM shop'), [('2',)])

    def test_nothing_is_sent_when_one_query_is_wrong(self):
        self.refused('-- load: nodes\nSELECT id AS node, \'store\' AS type FROM shop\n'
                     '-- load: items\nSELECT nothing AS sku', 'query items: column "nothing" does not exist')
        self.assertEqual(self.get('v1', 'nodes')['nodes'], [])

    def test_a_query_may_only_read(self):
        self.query('CREATE FUNCTION spend() RETURNS text LANGUAGE sql AS $$DELETE FROM shop RETURNING id::text$$;'
                   'GRANT DELETE ON shop TO onhand')
        self.refused('-- load: items\nSELECT spend() AS sku', 'query items: cannot execute DELETE in a read-only')
        self.assertEqual(self.query('SELECT count(*) FROM shop'), [('2',)])

    def test_a_database_that_is_not_there_is_said_to_be(self):
        self.refused('-- load: items\nSELECT 1 AS sku', 'refused', uri=f'postgresql://u:{PASSWORD}@127.0.0.1:1/d')
        self.refused('-- load: items\nSELECT 1 AS sku', 'password authentication failed',
                     uri=self.postgres.uri(self.database, password='wrong'))

    def test_columns_that_an_import_does_not_know_are_refused_by_the_server(self):
        self.refused('-- load: items\nSELECT 1 AS sku, 2 AS colour', 'colour')

    def test_a_stopped_load_can_be_started_again(self):
        text = ('-- load: items\nSELECT number AS sku FROM article ORDER BY number\n'
                '-- load: nodes\nSELECT pg_sleep(3600)::text || 1 AS node, \'store\' AS type')
        with subprocess.Popen([PROGRAM, *self.arguments(text)]) as process:
            wait_until(lambda: self.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"),
                       'the query does not run')
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(60), -signal.SIGINT)
        self.loaded('-- load: items\nSELECT number AS sku FROM article ORDER BY number')


if __name__ == '__main__':
    main()
