\set s random(:sku_first, :sku_last)
\set n random(:node_first, :node_last)
WITH taken AS (
    UPDATE stock SET reserved = reserved + 1
    WHERE sku = 'SKU-' || :s AND node = 'NODE-' || :n AND on_hand - reserved >= 1
    RETURNING sku, node)
INSERT INTO reservation (id, kind, channel, sku, node, quantity, expires_at)
SELECT gen_random_uuid(), 'cart', 'web', sku, node, 1, now() + interval '2 hours' FROM taken;
