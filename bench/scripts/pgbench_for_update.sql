\set s random(:sku_first, :sku_last)
\set n random(:node_first, :node_last)
BEGIN;
SELECT on_hand - reserved AS free FROM stock WHERE sku = 'SKU-' || :s AND node = 'NODE-' || :n FOR UPDATE \gset
\if :free >= 1
UPDATE stock SET reserved = reserved + 1 WHERE sku = 'SKU-' || :s AND node = 'NODE-' || :n;
INSERT INTO reservation (id, kind, channel, sku, node, quantity, expires_at)
VALUES (gen_random_uuid(), 'cart', 'web', 'SKU-' || :s, 'NODE-' || :n, 1, now() + interval '2 hours');
\endif
COMMIT;
