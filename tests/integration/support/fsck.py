"""sql/fsck.sql, read query by query: what it complains of."""
import os

from .server import ROOT

PATH = os.path.join(ROOT, 'sql', 'fsck.sql')


def queries():
    """[(name, query)]; the name is what `broken` says."""
    with open(PATH, encoding='utf-8') as file:
        lines = [line for line in file.read().split('\n') if not line.startswith('--')]
    found = [text.strip() for text in '\n'.join(lines).split(';\n')]
    return [(text.split(" AS broken", 1)[0].rsplit("'", 2)[1], text) for text in found if ' AS broken' in text]


def complaints(session):
    """[(broken, subject, detail)] of all queries, in the transaction that is open, or at one moment."""
    is_open = session.value("SELECT now() <> statement_timestamp()") == 't'
    if not is_open:
        session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    try:
        return [row for _, query in queries() for row in session.query(query)]
    finally:
        if not is_open:
            session.query('ROLLBACK')
