-- The rows that stand for snapshot.ndjson: written by hand, beside any projector.
-- No time is at the edge of the 24 hours but those that say so.
INSERT INTO onhand.node VALUES
    ('lille', 0, 'store', 'Lille Centre', '4012345000009', 'FR', 'Europe/Paris', 'Lille', 'Hauts-de-France', '59000',
     50.6366, 3.0633, true, true, true, 1),
    ('dépôt', 1, 'warehouse', '', '', '', '', '', '', '', NULL, NULL, false, false, true, 2);
INSERT INTO onhand.item VALUES
    ('shirt-m', 0, 'Shirt "M"', '40123455', 3),
    ('rope', 1, '', '', 3);
INSERT INTO onhand.node_group VALUES ('north', 0, '', 4);
INSERT INTO onhand.node_group_member VALUES ('north', 'lille', 70000, 262144), ('north', 'dépôt', -5, 262145);
INSERT INTO onhand.channel VALUES ('web', 0, 'Web shop', 'nearest', 5);
INSERT INTO onhand.channel_node VALUES ('web', 0, 'lille');
INSERT INTO onhand.channel_group VALUES ('web', 0, 'north');
INSERT INTO onhand.rule (rule, sku, node, safety_stock, pickup_allowed, preorder, seq)
    VALUES ('keep-two', 'shirt-m', 'lille', 2, true, false, 6);
INSERT INTO onhand.rule (rule, backorder_limit, low_stock, ship_allowed, seq) VALUES ('all', 0, 3.5, true, 6);
INSERT INTO onhand.fence VALUES ('web-shirts', 'shirt-m', 'lille', 'web', 2, 'restrict', 7);
INSERT INTO onhand.supply VALUES ('po-7', 'rope', 'dépôt', 2500.5, '2026-12-02 13:00:00+00', 8);
INSERT INTO onhand.postal_code VALUES ('FR', '59000', 'Lille', 50.6333, 3.0667, 9);
INSERT INTO onhand.import_progress VALUES ('postal-2026', 36000, 2, 1);

-- rope at lille has a count alone, shirt-m at dépôt a claim alone.
INSERT INTO onhand.position (sku, node, sellable, damaged, display, held, confirmed, seq, first_movement) VALUES
    ('shirt-m', 'lille', 16, 0, 0, 2.5, 0, 15, 0),
    ('shirt-m', 'dépôt', 0, 0, 0, 1, 0, 13, NULL),
    ('rope', 'lille', 0, 0, 0.5, 0, 0, 11, NULL),
    ('rope', 'dépôt', 0, 1.25, 0, 0, 0, 10, 1);
INSERT INTO onhand.position_count (sku, node, state, as_of, source_seq) VALUES
    ('shirt-m', 'lille', 'sellable', '2026-11-22 13:01:45+00', 77),
    ('rope', 'lille', 'display', '2026-11-22 13:01:45+00', NULL);
SELECT onhand.month_add('2026-11-01 00:00:00+00');
INSERT INTO onhand.movement (seq, ordinal, recorded_at, at, sku, node, state, kind, quantity, told, number) VALUES
    (10, 0, '2026-11-22 13:01:40+00', '2026-11-22 13:01:30+00', 'shirt-m', 'lille', 'sellable', 'adjust', 20, 20, 0),
    (10, 1, '2026-11-22 13:01:40+00', '2026-11-22 13:01:35+00', 'rope', 'dépôt', 'damaged', 'adjust', 1.25, 1.25, 1),
    (11, 0, '2026-11-22 13:01:45+00', '2026-11-22 13:01:45+00', 'shirt-m', 'lille', 'sellable', 'count', -2, 18, NULL),
    (15, 0, '2026-11-22 13:02:31+00', '2026-11-22 13:02:30+00', 'shirt-m', 'lille', 'sellable', 'fulfil', -2, -2, 2);

-- The third ended just a day before the ledger's time, and is not known any more.
INSERT INTO onhand.reservation VALUES
    ('staff-9', 'staff', NULL, NULL, NULL, 'held', '2026-11-22 13:02:10+00', NULL, NULL, 13, 13),
    ('cart-1', 'collect', 'web', 'zoë', 'o-1', 'held', '2026-11-22 13:02:00+00', '2026-11-22 14:00:00+00', NULL, 12, 15),
    ('old', 'cart', NULL, NULL, NULL, 'released', '2026-11-21 13:00:00+00', NULL, '2026-11-21 13:02:31+00', 10, 11);
INSERT INTO onhand.reservation_line VALUES
    ('cart-1', 2, 'shirt-m', 'lille', 2.5, 2.5, 0, 0, 0, DEFAULT, 786434, 12),
    ('cart-1', 1, 'shirt-m', 'lille', 3, 0, 0, 2, 0, DEFAULT, 786433, 15),
    ('staff-9', 1, 'shirt-m', 'dépôt', 1, 1, 0, 0, 0, DEFAULT, 851969, 13),
    ('old', 1, 'rope', 'dépôt', 1, 0, 0, 0, 0, DEFAULT, 655361, 11);
-- The last is of just a day before the ledger's time.
INSERT INTO onhand.idempotency_key VALUES
    (10, 2, '2026-11-22 13:01:40+00', 10, x'0123456789abcdef'::bigint, '\x6574696c6c2d31006131', ''),
    (12, 0, '2026-11-22 13:02:00+00', 12, -1, '\x72636172742d31', '\x01020304'),
    (9, 0, '2026-11-21 13:02:31+00', 9, 5, '\x6b6f6c64', '');
UPDATE onhand.watermark SET seq = 15, at = '2026-11-22 13:02:31+00', ledger = 1, record_print = 2, epoch = 3,
    movements = 3, imports = 1, known_seq = 17, committed_at = '2026-11-22 13:02:32+00';
