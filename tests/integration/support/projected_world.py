"""
Tables of the projection as a small history would leave them, written by hand: two months of stock and reservations.

It shares nothing with the projector. Times are relative to the start of this month, so that views that ask for now()
find live holds: LIVE is ahead, DUE has just ended.
"""

WORLD = """
SELECT onhand.month_add(date_trunc('month', now(), 'UTC') - interval '1 month'), onhand.month_add(now());

INSERT INTO onhand.node (node, index, type, name, gln, country, time_zone, city, region, postal_code, latitude, longitude,
                         ships, collects, enabled, seq)
VALUES ('n1', 0, 'store', '', '', 'FR', '', '', '', '', 48.5, 2.5, true, true, true, 1),
       ('n2', 1, 'warehouse', '', '', '', '', '', '', '', NULL, NULL, true, false, true, 1),
       ('off', 2, 'store', '', '', '', '', '', '', '', NULL, NULL, true, true, false, 1);
INSERT INTO onhand.item VALUES ('A', 0, 'a', '', 1), ('B', 1, '', '', 1), ('C', 2, '', '', 1);
INSERT INTO onhand.node_group VALUES ('g', 0, 'all', 2);
INSERT INTO onhand.node_group_member VALUES ('g', 'n1', 0, 1), ('g', 'n2', 0, 2);
INSERT INTO onhand.channel VALUES ('web', 0, '', 'priority', 2), ('shop', 1, '', 'nearest', 2);
INSERT INTO onhand.channel_node VALUES ('shop', 0, 'n1');
INSERT INTO onhand.channel_group VALUES ('web', 0, 'g');
INSERT INTO onhand.rule (rule, sku, node, channel, safety_stock, low_stock, seq)
VALUES ('all', NULL, NULL, NULL, 1, NULL, 3), ('low', NULL, NULL, NULL, NULL, 2, 3), ('a', 'A', NULL, NULL, 2, NULL, 3),
       ('a1', 'A', 'n1', NULL, 0.5, NULL, 3), ('at2', NULL, 'n2', NULL, 3, NULL, 3), ('web', NULL, NULL, 'web', 9, NULL, 3);
INSERT INTO onhand.fence VALUES ('f', 'A', 'n1', 'shop', 4, 'regular', 4), ('g', 'A', 'n1', 'web', 2.5, 'restrict', 4);
INSERT INTO onhand.supply VALUES ('s', 'B', 'n1', 10, now() + interval '30 days', 4);
INSERT INTO onhand.import_progress VALUES ('i', 10, 1, 1);
INSERT INTO onhand.idempotency_key VALUES (20, 9, now(), 20, 7, 'kone', '\\x01'), (20, 10, now(), 20, 8, 'ktwo', '\\x02');

CREATE TEMP TABLE t AS SELECT date_trunc('month', now(), 'UTC') AS month, now() AS now, interval '1 day' AS day;

-- Movements: what there was, a count that saw one of two sales, what left.
INSERT INTO onhand.movement (seq, ordinal, recorded_at, at, sku, node, state, kind, quantity, told, number, source, reason,
                             reservation, line)
SELECT v.seq, v.ordinal, t.month + v.days * t.day, t.month + v.at_days * t.day, v.sku, v.node, v.state, v.kind, v.quantity,
       v.told, v.number, v.source, v.reason, v.reservation, v.line
FROM t, (VALUES
    (5, 0, -20, -20, 'A', 'n1', 'sellable', 'adjust', 20.0, 20.0, 0, 's', 'first', NULL, NULL::integer),
    (5, 1, -20, -20, 'A', 'n2', 'sellable', 'adjust', 3.0, 3.0, 1, 's', '', NULL, NULL),
    (5, 2, -20, -20, 'B', 'n1', 'damaged', 'adjust', 2.5, 2.5, 2, 's', '', NULL, NULL),
    (5, 3, -20, -20, 'C', 'off', 'sellable', 'adjust', 8.0, 8.0, 3, 's', '', NULL, NULL),
    (6, 0, -19, -19, 'A', 'n1', 'sellable', 'adjust', -1.0, -1.0, 4, 's', 'sale', NULL, NULL),
    (7, 0, -18, -19, 'A', 'n1', 'sellable', 'count', 1.0, 20.0, NULL, 's', NULL, NULL, NULL),
    (8, 0, -17, -19.5, 'A', 'n1', 'sellable', 'adjust', 0.0, -2.0, NULL, 's', 'late', NULL, NULL),
    (12, 2, -10, -10, 'A', 'n1', 'sellable', 'fulfil', -2.0, -2.0, 5, NULL, NULL, 'done', 1),
    (16, 0, 0, 0, 'B', 'n1', 'sellable', 'adjust', 1.125, 1.125, 6, 's', '', NULL, NULL)
) AS v(seq, ordinal, days, at_days, sku, node, state, kind, quantity, told, number, source, reason, reservation, line);
INSERT INTO onhand.position_count SELECT 'A', 'n1', 'sellable', t.month - 19 * t.day, 3, 20, 's', 7 FROM t;

INSERT INTO onhand.reservation
SELECT v.id, v.kind, v.channel, v.customer, NULL, v.status, v.created_at, v.expires_at, v.ended_at, v.made_seq, v.seq
FROM t, LATERAL (VALUES
    ('done', 'ship', 'web', 'c1', 'fulfilled', t.month - 11 * t.day, NULL::timestamptz, t.month - 10 * t.day, 10, 12),
    ('gone', 'cart', 'web', NULL, 'expired', t.month - 9 * t.day, t.month - 8 * t.day, t.month - 8 * t.day, 13, 14),
    ('back', 'cart', NULL, NULL, 'released', t.month - 8 * t.day, NULL, t.month - 8 * t.day, 15, 15),
    ('old', 'cart', NULL, 'c2', 'held', t.month - 7 * t.day, NULL, NULL, 15, 15),
    ('live', 'cart', 'shop', 'c3', 'held', t.now, t.now + t.day, NULL, 17, 17),
    ('due', 'cart', 'web', NULL, 'held', t.now, t.now - interval '1 minute', NULL, 18, 18),
    ('firm', 'collect', 'web', NULL, 'confirmed', t.now, t.now + t.day, NULL, 19, 20)
) AS v(id, kind, channel, customer, status, created_at, expires_at, ended_at, made_seq, seq);
INSERT INTO onhand.reservation_line (reservation, line, sku, node, quantity, held, confirmed, fulfilled, expired, ordinal, seq)
VALUES ('done', 1, 'A', 'n1', 3, 0, 0, 2, 0, 1, 12), ('done', 2, 'B', NULL, 5, 0, 0, 0, 0, 2, 10),
       ('gone', 1, 'A', 'n1', 1, 0, 0, 0, 1, 1, 14), ('back', 1, 'B', NULL, 1, 0, 0, 0, 0, 1, 15),
       ('old', 1, 'A', 'n2', 2, 2, 0, 0, 0, 1, 15), ('live', 1, 'A', 'n1', 1.5, 1.5, 0, 0, 0, 1, 17),
       ('due', 1, 'A', 'n1', 4, 4, 0, 0, 0, 1, 18), ('firm', 1, 'A', 'n1', 1, 0, 1, 0, 0, 1, 20),
       ('firm', 2, 'B', 'n1', 2, 0, 2, 0, 0, 2, 20);
INSERT INTO onhand.booking
SELECT v.id, 'n1', v.resource, v.unit, t.month - 10 * t.day, t.month - 9 * t.day, v.quantity, v.ordinal, v.seq
FROM t, (VALUES ('done', 'node/n1', 'units', 3.0, 1, 10), ('done', 'account/post/a', 'parcels', 1.0, 2, 10),
                ('live', 'node/n1', 'units', 1.5, 1, 17)) AS v(id, resource, unit, quantity, ordinal, seq);
INSERT INTO onhand.promise VALUES ('done', '{}', 10), ('live', '{}', 17);
INSERT INTO onhand.document VALUES ('schedule', 'n1', '{}', 4);
INSERT INTO onhand.reservation_event
SELECT v.seq, v.ordinal, v.at, v.reservation, v.line, v.sku, v.node, v.event, v.quantity, v.held, v.confirmed, NULL
FROM t, LATERAL (VALUES
    (10, 1, t.month - 11 * t.day, 'done', 1, 'A', 'n2', 'claim', 3, 3, 0),
    (10, 2, t.month - 11 * t.day, 'done', 2, 'B', NULL, 'short', 5, 0, 0),
    (11, 0, t.month - 11 * t.day, 'done', 1, 'A', 'n2', 'move', 3, -3, 0),
    (11, 1, t.month - 11 * t.day, 'done', 1, 'A', 'n1', 'claim', 3, 3, 0),
    (12, 0, t.month - 10 * t.day, 'done', 1, 'A', 'n1', 'confirm', 2, -2, 2),
    (12, 1, t.month - 10 * t.day, 'done', 1, 'A', 'n1', 'release', 1, -1, 0),
    (12, 2, t.month - 10 * t.day, 'done', 1, 'A', 'n1', 'fulfil', 2, 0, -2),
    (13, 1, t.month - 9 * t.day, 'gone', 1, 'A', 'n1', 'claim', 1, 1, 0),
    (14, 0, t.month - 8 * t.day, 'gone', 1, 'A', 'n1', 'expire', 1, -1, 0),
    (15, 1, t.month - 7 * t.day, 'back', 1, 'B', NULL, 'short', 1, 0, 0),
    (15, 3, t.month - 7 * t.day, 'old', 1, 'A', 'n2', 'claim', 2, 2, 0),
    (17, 1, t.now, 'live', 1, 'A', 'n1', 'claim', 1.5, 1.5, 0),
    (18, 1, t.now, 'due', 1, 'A', 'n1', 'claim', 4, 4, 0),
    (19, 1, t.now, 'firm', 1, 'A', 'n1', 'claim', 1, 1, 0),
    (19, 2, t.now, 'firm', 2, 'B', 'n1', 'claim', 2, 2, 0),
    (20, 1, t.now, 'firm', 1, 'A', 'n1', 'confirm', 1, -1, 1),
    (20, 2, t.now, 'firm', 2, 'B', 'n1', 'confirm', 2, -2, 2)
) AS v(seq, ordinal, at, reservation, line, sku, node, event, quantity, held, confirmed);

INSERT INTO onhand.position (sku, node, sellable, damaged, held, confirmed, seq, first_movement)
VALUES ('A', 'n1', 18, 0, 5.5, 1, 20, 0), ('A', 'n2', 3, 0, 2, 0, 15, 1), ('B', 'n1', 1.125, 2.5, 0, 2, 20, 2),
       ('C', 'off', 8, 0, 0, 0, 5, 3);
UPDATE onhand.watermark SET seq = 20, at = t.now, ledger = 1, movements = 7, imports = 1, known_seq = 20,
    committed_at = t.now FROM t;
"""


def make(session):
    session.query(WORLD)
