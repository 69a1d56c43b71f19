-- Does the projection keep what it promises? Every query here returns no rows. A row says which promise is broken
-- (broken), for what (subject) and how (detail). It reads everything, changes nothing, and may run beside a server:
--
--   psql -X -q -A -t -v ON_ERROR_STOP=1 -f sql/fsck.sql URI
--
-- It prints nothing, or what is wrong.

BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;

-- There is one watermark.
SELECT 'one watermark' AS broken, 'onhand.watermark' AS subject, count(*) || ' rows' AS detail
FROM onhand.watermark HAVING count(*) <> 1;

-- Nothing is of a record that is not in the tables.
SELECT 'nothing past the watermark' AS broken, s.subject, 'record ' || s.seq || ' of ' || w.seq AS detail
FROM onhand.watermark w
CROSS JOIN LATERAL (
    SELECT 'node' AS subject, max(seq) AS seq FROM onhand.node
    UNION ALL SELECT 'item', max(seq) FROM onhand.item
    UNION ALL SELECT 'node_group', max(seq) FROM onhand.node_group
    UNION ALL SELECT 'channel', max(seq) FROM onhand.channel
    UNION ALL SELECT 'rule', max(seq) FROM onhand.rule
    UNION ALL SELECT 'fence', max(seq) FROM onhand.fence
    UNION ALL SELECT 'supply', max(seq) FROM onhand.supply
    UNION ALL SELECT 'postal_code', max(seq) FROM onhand.postal_code
    UNION ALL SELECT 'transit', max(seq) FROM onhand.transit
    UNION ALL SELECT 'document', max(seq) FROM onhand.document
    UNION ALL SELECT 'booking', max(seq) FROM onhand.booking
    UNION ALL SELECT 'promise', max(seq) FROM onhand.promise
    UNION ALL SELECT 'position', max(seq) FROM onhand.position
    UNION ALL SELECT 'position_count', max(seq) FROM onhand.position_count
    UNION ALL SELECT 'movement', max(seq) FROM onhand.movement
    UNION ALL SELECT 'reservation', max(greatest(seq, made_seq)) FROM onhand.reservation
    UNION ALL SELECT 'reservation_line', max(seq) FROM onhand.reservation_line
    UNION ALL SELECT 'reservation_event', max(seq) FROM onhand.reservation_event
    UNION ALL SELECT 'idempotency_key', max(seq) FROM onhand.idempotency_key) s
WHERE s.seq > w.seq;

-- ---- Stock ---------------------------------------------------------------------------------------

-- Conservation: what a position has in each state is what it began with and every movement since.
WITH had AS (
    SELECT s.sku, s.node, sum(s.quantity) FILTER (WHERE s.state = 'sellable') AS sellable,
           sum(s.quantity) FILTER (WHERE s.state = 'damaged') AS damaged,
           sum(s.quantity) FILTER (WHERE s.state = 'quality_control') AS quality_control,
           sum(s.quantity) FILTER (WHERE s.state = 'display') AS display,
           sum(s.quantity) FILTER (WHERE s.state = 'returned') AS returned
    FROM (
        SELECT sku, node, state, quantity FROM onhand.movement
        UNION ALL SELECT sku, node, state, quantity FROM onhand.opening WHERE state NOT IN ('held', 'confirmed')) s
    GROUP BY s.sku, s.node
)
SELECT 'stock = opening + movements' AS broken, concat_ws(' ', sku, node, v.state) AS subject,
       coalesce(v.has::text, 'nothing') || ', not ' || coalesce(v.had, 0) AS detail
FROM onhand.position p FULL JOIN had h USING (sku, node)
CROSS JOIN LATERAL (VALUES ('sellable', p.sellable, h.sellable), ('damaged', p.damaged, h.damaged),
                           ('quality_control', p.quality_control, h.quality_control), ('display', p.display, h.display),
                           ('returned', p.returned, h.returned)) AS v(state, has, had)
WHERE (p.sellable, p.damaged, p.quality_control, p.display, p.returned)
      IS DISTINCT FROM (coalesce(h.sellable, 0), coalesce(h.damaged, 0), coalesce(h.quality_control, 0),
                        coalesce(h.display, 0), coalesce(h.returned, 0))
  AND (v.has <> coalesce(v.had, 0) OR (v.has IS NULL AND v.had IS NOT NULL));

-- Capacity is booked by a reservation, and a promise is of one.
SELECT 'booked by a reservation' AS broken, concat_ws(' ', b.reservation, b.node, b.resource) AS subject,
       'there is no such reservation' AS detail
FROM onhand.booking b WHERE NOT EXISTS (SELECT FROM onhand.reservation r WHERE r.reservation = b.reservation);
SELECT 'promised with a reservation' AS broken, p.reservation AS subject, 'there is no such reservation' AS detail
FROM onhand.promise p WHERE NOT EXISTS (SELECT FROM onhand.reservation r WHERE r.reservation = p.reservation);

-- Nothing waits for a supply that is not live.
SELECT 'due while it is live' AS broken, concat_ws(' ', reservation, line, sku, node) AS subject, 'due ' || due_at AS detail
FROM onhand.reservation_line WHERE due_at IS NOT NULL AND held + confirmed = 0;

-- What is claimed at a position is what its claims hold.
SELECT 'position = claims' AS broken, concat_ws(' ', sku, node) AS subject,
       format('held %s, not %s; confirmed %s, not %s', p.held, l.held, p.confirmed, l.confirmed) AS detail
FROM (SELECT sku, node, held, confirmed FROM onhand.position) p
FULL JOIN (SELECT sku, node, sum(held) AS held, sum(confirmed) AS confirmed FROM onhand.reservation_line
           WHERE node IS NOT NULL GROUP BY sku, node) l USING (sku, node)
WHERE p.held IS NULL OR p.held <> coalesce(l.held, 0) OR p.confirmed <> coalesce(l.confirmed, 0);

-- The same, told by the history.
WITH had AS (
    SELECT s.sku, s.node, sum(s.held) AS held, sum(s.confirmed) AS confirmed FROM (
        SELECT sku, node, held, confirmed FROM onhand.reservation_event WHERE node IS NOT NULL
        UNION ALL
        SELECT sku, node, CASE state WHEN 'held' THEN quantity ELSE 0 END, CASE state WHEN 'held' THEN 0 ELSE quantity END
        FROM onhand.opening WHERE state IN ('held', 'confirmed')) s
    GROUP BY s.sku, s.node
)
SELECT 'position = events' AS broken, concat_ws(' ', sku, node) AS subject,
       format('held %s, not %s; confirmed %s, not %s', p.held, h.held, p.confirmed, h.confirmed) AS detail
FROM (SELECT sku, node, held, confirmed FROM onhand.position) p
FULL JOIN had h USING (sku, node)
WHERE p.held IS NULL OR p.held <> coalesce(h.held, 0) OR p.confirmed <> coalesce(h.confirmed, 0);

-- The numbers of movements have no gap and no double.
SELECT 'numbers without a gap' AS broken, 'onhand.movement' AS subject,
       format('%s numbers, %s different, from %s to %s; not from %s to %s', n.number_count, n.different_count,
              n.least, n.greatest, w.forgotten, w.movements - 1) AS detail
FROM onhand.watermark w
CROSS JOIN (SELECT count(number) AS number_count, count(DISTINCT number) AS different_count, min(number) AS least,
                   max(number) AS greatest FROM onhand.movement) n
WHERE n.number_count <> w.movements - w.forgotten OR n.different_count <> n.number_count
   OR n.least <> w.forgotten OR n.greatest <> w.movements - 1;

-- A movement that counts has a number; a count, and what a count had seen, has none.
SELECT 'who has a number' AS broken, format('record %s, %s', seq, ordinal) AS subject,
       format('%s of %s with number %s', kind, quantity, number) AS detail
FROM onhand.movement
WHERE CASE WHEN kind = 'count' THEN number IS NOT NULL
           WHEN quantity <> 0 THEN number IS NULL
           ELSE number IS NOT NULL AND told <> 0 END;

-- A position knows its first movement.
SELECT 'first movement' AS broken, concat_ws(' ', sku, node) AS subject,
       format('%s, not %s', p.first_movement, m.first_movement) AS detail
FROM onhand.watermark w
CROSS JOIN onhand.position p
LEFT JOIN (SELECT sku, node, min(number) AS first_movement FROM onhand.movement GROUP BY sku, node) m USING (sku, node)
WHERE p.first_movement > m.first_movement
   OR (p.first_movement IS NULL AND m.first_movement IS NOT NULL)
   OR (p.first_movement >= w.forgotten AND p.first_movement IS DISTINCT FROM m.first_movement);

-- The count that holds was made, and none is greater.
WITH counted AS (
    SELECT sku, node, state, max(at) AS at FROM onhand.movement WHERE kind = 'count' GROUP BY sku, node, state
)
SELECT 'the count that holds' AS broken, concat_ws(' ', c.sku, c.node, c.state) AS subject,
       format('%s of %s in record %s', c.quantity, c.as_of, c.seq) AS detail
FROM onhand.position_count c JOIN counted m USING (sku, node, state)
WHERE m.at > c.as_of
UNION ALL
SELECT 'the count that holds', concat_ws(' ', c.sku, c.node, c.state),
       format('%s of %s was not made in record %s', c.quantity, c.as_of, c.seq)
FROM onhand.watermark w
CROSS JOIN onhand.position_count c
WHERE c.seq IS NOT NULL AND w.history_from IS NULL
  AND NOT EXISTS (SELECT FROM onhand.movement m WHERE m.sku = c.sku AND m.node = c.node AND m.state = c.state
                  AND m.kind = 'count' AND m.at = c.as_of AND m.told = c.quantity AND m.seq = c.seq);

-- ---- Reservations --------------------------------------------------------------------------------

-- Every claim is of a reservation.
SELECT 'claims have a reservation' AS broken, format('%s line %s', l.reservation, l.line) AS subject,
       'record ' || l.seq AS detail
FROM onhand.reservation_line l
WHERE NOT EXISTS (SELECT FROM onhand.reservation r WHERE r.reservation = l.reservation);

-- Status and end follow from the claims.
SELECT 'status follows' AS broken, r.reservation AS subject,
       format('%s, ended at %s; held %s, confirmed %s, fulfilled %s, expired %s', r.status, r.ended_at, l.held,
              l.confirmed, l.fulfilled, l.expired) AS detail
FROM onhand.reservation r
CROSS JOIN LATERAL (
    SELECT coalesce(sum(x.held), 0) AS held, coalesce(sum(x.confirmed), 0) AS confirmed,
           coalesce(sum(x.fulfilled), 0) AS fulfilled, coalesce(sum(x.expired), 0) AS expired
    FROM onhand.reservation_line x WHERE x.reservation = r.reservation) l
WHERE r.status <> CASE WHEN l.held > 0 THEN 'held' WHEN l.confirmed > 0 THEN 'confirmed'
                       WHEN l.fulfilled > 0 THEN 'fulfilled' WHEN l.expired > 0 THEN 'expired' ELSE 'released' END
   OR (r.ended_at IS NULL) <> (l.held + l.confirmed > 0);

-- Times of a reservation are in order.
SELECT 'times in order' AS broken, r.reservation AS subject,
       format('made %s, ended %s, records %s to %s', r.created_at, r.ended_at, r.made_seq, r.seq) AS detail
FROM onhand.reservation r
WHERE r.ended_at < r.created_at OR r.seq < r.made_seq;

-- A hold that has ended is written down within the hour (of the ledger's time).
SELECT 'holds end' AS broken, r.reservation AS subject, 'ended at ' || r.expires_at AS detail
FROM onhand.reservation r CROSS JOIN onhand.watermark w
WHERE r.status = 'held' AND r.expires_at < w.at - interval '1 hour';

-- Each claim is what its history says (for reservations whose whole history is here).
WITH told AS (
    SELECT e.reservation, e.line, e.sku, e.node,
           sum(CASE WHEN e.event IN ('claim', 'short') THEN e.quantity WHEN e.event = 'move' THEN -e.quantity ELSE 0 END)
               AS quantity,
           sum(e.held) AS held, sum(e.confirmed) AS confirmed,
           coalesce(sum(e.quantity) FILTER (WHERE e.event = 'fulfil'), 0) AS fulfilled,
           coalesce(sum(e.quantity) FILTER (WHERE e.event = 'expire'), 0) AS expired
    FROM onhand.reservation_event e
    JOIN onhand.reservation r ON r.reservation = e.reservation AND r.made_seq <= e.seq
    CROSS JOIN onhand.watermark w
    WHERE e.line IS NOT NULL AND (w.history_from IS NULL OR r.created_at > w.history_from)
    GROUP BY e.reservation, e.line, e.sku, e.node
), kept AS (
    SELECT l.* FROM onhand.reservation_line l
    JOIN onhand.reservation r ON r.reservation = l.reservation
    CROSS JOIN onhand.watermark w
    WHERE w.history_from IS NULL OR r.created_at > w.history_from
)
SELECT 'claim = events' AS broken,
       format('%s line %s %s at %s', coalesce(k.reservation, t.reservation), coalesce(k.line, t.line),
              coalesce(k.sku, t.sku), coalesce(k.node, t.node)) AS subject,
       format('quantity %s, not %s; held %s, not %s; confirmed %s, not %s; fulfilled %s, not %s; expired %s, not %s',
              k.quantity, t.quantity, k.held, t.held, k.confirmed, t.confirmed, k.fulfilled, t.fulfilled, k.expired,
              t.expired) AS detail
FROM kept k
FULL JOIN told t ON t.reservation = k.reservation AND t.line = k.line AND t.sku = k.sku
                AND coalesce(t.node, '') = coalesce(k.node, '')
WHERE (coalesce(k.quantity, 0), coalesce(k.held, 0), coalesce(k.confirmed, 0), coalesce(k.fulfilled, 0),
       coalesce(k.expired, 0))
   IS DISTINCT FROM (coalesce(t.quantity, 0), coalesce(t.held, 0), coalesce(t.confirmed, 0), coalesce(t.fulfilled, 0),
                     coalesce(t.expired, 0));

-- What was fulfilled has left: each fulfilment is an event and a movement.
SELECT 'fulfilment = movement' AS broken, format('record %s, %s', seq, ordinal) AS subject,
       format('event %s, movement %s', e.quantity, m.told) AS detail
FROM (SELECT seq, ordinal, quantity, reservation, line FROM onhand.reservation_event WHERE event = 'fulfil') e
FULL JOIN (SELECT seq, ordinal, told, reservation, line FROM onhand.movement WHERE kind = 'fulfil') m
    USING (seq, ordinal, reservation, line)
WHERE e.quantity IS DISTINCT FROM -m.told;

-- ---- History -------------------------------------------------------------------------------------

-- No place in history is there twice.
SELECT 'no double' AS broken, format('%s: record %s, %s', s.subject, s.seq, s.ordinal) AS subject,
       s.row_count || ' rows' AS detail
FROM (
    SELECT 'movement' AS subject, seq, ordinal, count(*) AS row_count FROM onhand.movement
    GROUP BY seq, ordinal HAVING count(*) > 1
    UNION ALL
    SELECT 'reservation_event', seq, ordinal, count(*) FROM onhand.reservation_event
    GROUP BY seq, ordinal HAVING count(*) > 1
    UNION ALL
    SELECT 'idempotency_key', seq, ordinal, count(*) FROM onhand.idempotency_key
    GROUP BY seq, ordinal HAVING count(*) > 1) s;

-- A record has one time, and time never goes back.
SELECT 'time grows with seq' AS broken, 'record ' || s.seq AS subject,
       format('%s; record %s: %s', s.at, s.seq_before, s.at_before) AS detail
FROM (
    SELECT t.seq, t.at, lag(t.seq) OVER w AS seq_before, lag(t.at) OVER w AS at_before
    FROM (SELECT seq, recorded_at AS at FROM onhand.movement
          UNION SELECT seq, at FROM onhand.reservation_event) t
    WINDOW w AS (ORDER BY t.seq, t.at)) s
WHERE s.at < s.at_before OR (s.seq = s.seq_before AND s.at <> s.at_before);

-- Months are whole and named for what is in them; both tables have the same ones, none is missing between.
WITH partition AS (
    SELECT p.relname AS parent, c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bound,
           to_date(substring(c.relname FROM '_(\d{4}_\d{2})$'), 'YYYY_MM') AS month
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
    WHERE i.inhparent IN ('onhand.movement'::regclass, 'onhand.reservation_event'::regclass)
)
SELECT 'months' AS broken, p.name AS subject, p.bound AS detail
FROM partition p
WHERE p.month IS NULL OR p.name <> p.parent || to_char(p.month, '_YYYY_MM')
   OR (regexp_match(p.bound, '^FOR VALUES FROM \(''(.*)''\) TO \(''(.*)''\)$'))[1]::timestamptz
      IS DISTINCT FROM p.month::timestamp AT TIME ZONE 'UTC'
   OR (regexp_match(p.bound, '^FOR VALUES FROM \(''(.*)''\) TO \(''(.*)''\)$'))[2]::timestamptz
      IS DISTINCT FROM (p.month + interval '1 month') AT TIME ZONE 'UTC'
   OR NOT EXISTS (SELECT FROM partition o WHERE o.month = p.month AND o.parent <> p.parent);

-- Nothing is older than the history that the tables say they have.
SELECT 'history begins' AS broken, s.subject, format('%s, not before %s', s.at, w.history_from) AS detail
FROM onhand.watermark w
CROSS JOIN LATERAL (
    SELECT 'movement' AS subject, min(recorded_at) AS at FROM onhand.movement
    UNION ALL SELECT 'reservation_event', min(at) FROM onhand.reservation_event) s
WHERE s.at < w.history_from
UNION ALL
SELECT 'history begins', 'opening', 'there is an opening, and history_from is not set'
FROM onhand.watermark w
WHERE w.history_from IS NULL AND EXISTS (SELECT FROM onhand.opening WHERE quantity <> 0);

-- ---- Names ---------------------------------------------------------------------------------------

-- Every name that is used is known.
WITH known AS (
    SELECT 'sku' AS kind, sku AS name FROM onhand.item
    UNION ALL SELECT 'node', node FROM onhand.node
    UNION ALL SELECT 'node_group', node_group FROM onhand.node_group
    UNION ALL SELECT 'channel', channel FROM onhand.channel
)
SELECT 'known names' AS broken, s.subject, s.kind || ' ' || s.name AS detail
FROM (
    SELECT DISTINCT 'position' AS subject, 'sku' AS kind, sku AS name FROM onhand.position
    UNION ALL SELECT DISTINCT 'position_count', 'sku', sku FROM onhand.position_count
    UNION ALL SELECT DISTINCT 'opening', 'sku', sku FROM onhand.opening
    UNION ALL SELECT DISTINCT 'movement', 'sku', sku FROM onhand.movement
    UNION ALL SELECT DISTINCT 'reservation_line', 'sku', sku FROM onhand.reservation_line
    UNION ALL SELECT DISTINCT 'reservation_event', 'sku', sku FROM onhand.reservation_event
    UNION ALL SELECT DISTINCT 'rule', 'sku', sku FROM onhand.rule
    UNION ALL SELECT DISTINCT 'fence', 'sku', sku FROM onhand.fence
    UNION ALL SELECT DISTINCT 'supply', 'sku', sku FROM onhand.supply
    UNION ALL SELECT DISTINCT 'position', 'node', node FROM onhand.position
    UNION ALL SELECT DISTINCT 'position_count', 'node', node FROM onhand.position_count
    UNION ALL SELECT DISTINCT 'opening', 'node', node FROM onhand.opening
    UNION ALL SELECT DISTINCT 'movement', 'node', node FROM onhand.movement
    UNION ALL SELECT DISTINCT 'reservation_line', 'node', node FROM onhand.reservation_line
    UNION ALL SELECT DISTINCT 'reservation_event', 'node', node FROM onhand.reservation_event
    UNION ALL SELECT DISTINCT 'rule', 'node', node FROM onhand.rule
    UNION ALL SELECT DISTINCT 'fence', 'node', node FROM onhand.fence
    UNION ALL SELECT DISTINCT 'supply', 'node', node FROM onhand.supply
    UNION ALL SELECT DISTINCT 'booking', 'node', node FROM onhand.booking
    UNION ALL SELECT DISTINCT 'node_group_member', 'node', node FROM onhand.node_group_member
    UNION ALL SELECT DISTINCT 'channel_node', 'node', node FROM onhand.channel_node
    UNION ALL SELECT DISTINCT 'node_group_member', 'node_group', node_group FROM onhand.node_group_member
    UNION ALL SELECT DISTINCT 'channel_group', 'node_group', node_group FROM onhand.channel_group
    UNION ALL SELECT DISTINCT 'channel_node', 'channel', channel FROM onhand.channel_node
    UNION ALL SELECT DISTINCT 'channel_group', 'channel', channel FROM onhand.channel_group
    UNION ALL SELECT DISTINCT 'rule', 'channel', channel FROM onhand.rule
    UNION ALL SELECT DISTINCT 'fence', 'channel', channel FROM onhand.fence
    UNION ALL SELECT DISTINCT 'reservation', 'channel', channel FROM onhand.reservation) s
WHERE s.name IS NOT NULL AND NOT EXISTS (SELECT FROM known k WHERE k.kind = s.kind AND k.name = s.name);

-- The ledger's numbers of items, nodes, groups and channels have no gap.
SELECT 'indexes without a gap' AS broken, s.subject, format('%s rows, the last is %s', s.row_count, s.last) AS detail
FROM (
    SELECT 'item' AS subject, count(*) AS row_count, max(index) AS last FROM onhand.item
    UNION ALL SELECT 'node', count(*), max(index) FROM onhand.node
    UNION ALL SELECT 'node_group', count(*), max(index) FROM onhand.node_group
    UNION ALL SELECT 'channel', count(*), max(index) FROM onhand.channel) s
WHERE s.row_count <> coalesce(s.last + 1, 0);

-- The lists of a channel have no gap.
SELECT 'lists without a gap' AS broken, s.subject || ' of ' || s.channel AS subject,
       format('%s rows, the last is %s', s.row_count, s.last) AS detail
FROM (
    SELECT 'channel_node' AS subject, channel, count(*) AS row_count, max(ordinal) AS last FROM onhand.channel_node
    GROUP BY channel
    UNION ALL SELECT 'channel_group', channel, count(*), max(ordinal) FROM onhand.channel_group GROUP BY channel) s
WHERE s.row_count <> s.last + 1;

-- One fence for a channel at a position, and what is fenced or supplied is a position.
SELECT 'fences' AS broken, concat_ws(' ', f.sku, f.node, f.channel) AS subject,
       string_agg(f.fence, ', ') AS detail
FROM onhand.fence f GROUP BY f.sku, f.node, f.channel HAVING count(*) > 1
UNION ALL
SELECT 'fences', concat_ws(' ', s.sku, s.node), s.subject || ' at no position'
FROM (SELECT 'fence ' || fence AS subject, sku, node FROM onhand.fence
      UNION ALL SELECT 'supply ' || supply, sku, node FROM onhand.supply) s
WHERE NOT EXISTS (SELECT FROM onhand.position p WHERE p.sku = s.sku AND p.node = s.node);

-- Two rules of one scope never say the same thing, and each says something.
SELECT 'rules' AS broken, concat_ws(' ', s.sku, s.node, s.channel, s.attribute) AS subject,
       string_agg(s.rule, ', ') AS detail
FROM (
    SELECT r.rule, r.sku, r.node, r.channel, v.attribute FROM onhand.rule r
    CROSS JOIN LATERAL (VALUES
        ('safety_stock', r.safety_stock IS NOT NULL), ('threshold', r.threshold IS NOT NULL),
        ('min_quantity', r.min_quantity IS NOT NULL), ('max_quantity', r.max_quantity IS NOT NULL),
        ('quantity_increment', r.quantity_increment IS NOT NULL), ('backorder_limit', r.backorder_limit IS NOT NULL),
        ('low_stock', r.low_stock IS NOT NULL), ('pickup_allowed', r.pickup_allowed IS NOT NULL),
        ('ship_allowed', r.ship_allowed IS NOT NULL), ('preorder', r.preorder IS NOT NULL)) AS v(attribute, is_said)
    WHERE v.is_said) s
GROUP BY s.sku, s.node, s.channel, s.attribute HAVING count(*) > 1
UNION ALL
SELECT 'rules', r.rule, 'says nothing' FROM onhand.rule r
WHERE num_nonnulls(r.safety_stock, r.threshold, r.min_quantity, r.max_quantity, r.quantity_increment, r.backorder_limit,
                   r.low_stock, r.pickup_allowed, r.ship_allowed, r.preorder) = 0;

-- ---- Memory --------------------------------------------------------------------------------------

-- A key means one thing for 24 hours.
SELECT 'keys' AS broken, encode(s.key, 'escape') AS subject, format('%s and %s', s.at_before, s.at) AS detail
FROM (SELECT key, at, lag(at) OVER (PARTITION BY key ORDER BY at, seq) AS at_before FROM onhand.idempotency_key) s
WHERE s.at < s.at_before + interval '24 hours';

-- Reports of imports are numbered.
SELECT 'imports' AS broken, coalesce(string_agg(i.import, ', '), 'none') AS subject,
       format('report %s of %s', i.number, w.imports) AS detail
FROM onhand.import_progress i CROSS JOIN onhand.watermark w
GROUP BY i.number, w.imports HAVING count(*) > 1 OR i.number > w.imports;

COMMIT;
