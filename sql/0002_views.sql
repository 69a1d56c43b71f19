-- 0002: views and functions for people. Nothing here is written to, and the program reads none of it.
--
-- They speak for watermark.seq, and for the time when they are asked: a hold that has ended counts for nothing, whether
-- its expiry has been written down or not (docs/spec/ledger.md, L26).

CREATE VIEW onhand.moment AS
SELECT greatest(now(), w.at) AS now FROM onhand.watermark w;
COMMENT ON VIEW onhand.moment IS 'The time that the other views speak of: now, or the ledger''s time if that is ahead.';
COMMENT ON COLUMN onhand.moment.now IS 'That time.';

CREATE VIEW onhand.live_claim AS
SELECT l.reservation, l.line, l.sku, l.node, r.channel, r.created_at, r.expires_at,
       CASE WHEN r.expires_at <= m.now THEN 0 ELSE l.held END AS held, l.confirmed,
       CASE WHEN r.expires_at <= m.now THEN l.held ELSE 0 END AS due
FROM onhand.reservation_line l
JOIN onhand.reservation r ON r.reservation = l.reservation
CROSS JOIN onhand.moment m
WHERE l.held + l.confirmed > 0;
COMMENT ON VIEW onhand.live_claim IS 'What is held or confirmed now, claim by claim.';
COMMENT ON COLUMN onhand.live_claim.reservation IS 'The reservation.';
COMMENT ON COLUMN onhand.live_claim.line IS 'Its line.';
COMMENT ON COLUMN onhand.live_claim.sku IS 'The item.';
COMMENT ON COLUMN onhand.live_claim.node IS 'The node.';
COMMENT ON COLUMN onhand.live_claim.channel IS 'Through which channel. NULL: none.';
COMMENT ON COLUMN onhand.live_claim.created_at IS 'When the reservation was made.';
COMMENT ON COLUMN onhand.live_claim.expires_at IS 'When what is held ends. NULL: never.';
COMMENT ON COLUMN onhand.live_claim.held IS 'What is held and has not ended.';
COMMENT ON COLUMN onhand.live_claim.confirmed IS 'What is firm.';
COMMENT ON COLUMN onhand.live_claim.due IS 'What was held and has ended, and is not written down yet.';

CREATE VIEW onhand.availability AS
WITH claimed AS (
    SELECT c.sku, c.node, sum(c.held) AS held, sum(c.confirmed) AS confirmed
    FROM onhand.live_claim c
    GROUP BY c.sku, c.node
), fenced AS (
    SELECT f.sku, f.node, sum(greatest(0, f.quantity - coalesce(c.live, 0))) AS fenced
    FROM onhand.fence f
    LEFT JOIN (SELECT sku, node, channel, sum(held + confirmed) AS live
               FROM onhand.live_claim GROUP BY sku, node, channel) c
        ON c.sku = f.sku AND c.node = f.node AND c.channel = f.channel
    GROUP BY f.sku, f.node
), said AS NOT MATERIALIZED (
    SELECT sku, node, safety_stock FROM onhand.rule WHERE channel IS NULL AND safety_stock IS NOT NULL
), figures AS (
    SELECT p.sku, p.node, n.enabled,
           p.sellable + p.damaged + p.quality_control + p.display + p.returned AS on_hand, p.sellable,
           coalesce(c.held, 0) AS held, coalesce(c.confirmed, 0) AS confirmed,
           coalesce(both_said.safety_stock, item_said.safety_stock, node_said.safety_stock, all_said.safety_stock, 0)
               AS safety_stock,
           coalesce(f.fenced, 0) AS fenced
    FROM onhand.position p
    JOIN onhand.node n ON n.node = p.node
    LEFT JOIN claimed c ON c.sku = p.sku AND c.node = p.node
    LEFT JOIN fenced f ON f.sku = p.sku AND f.node = p.node
    LEFT JOIN said both_said ON both_said.sku = p.sku AND both_said.node = p.node
    LEFT JOIN said item_said ON item_said.sku = p.sku AND item_said.node IS NULL
    LEFT JOIN said node_said ON node_said.sku IS NULL AND node_said.node = p.node
    LEFT JOIN said all_said ON all_said.sku IS NULL AND all_said.node IS NULL
)
SELECT sku, node,
       CASE WHEN enabled THEN greatest(0, sellable - held - confirmed - safety_stock - fenced) ELSE 0 END AS available,
       on_hand, sellable, held, confirmed, safety_stock, fenced,
       CASE WHEN held + confirmed > 0 THEN greatest(0, held + confirmed - sellable) ELSE 0 END AS short
FROM figures;
COMMENT ON VIEW onhand.availability IS 'What every position can sell now to somebody who asks through no channel, and why: as GET /v1/stock/{sku}/{node} answers.';
COMMENT ON COLUMN onhand.availability.sku IS 'The item.';
COMMENT ON COLUMN onhand.availability.node IS 'The node.';
COMMENT ON COLUMN onhand.availability.available IS 'sellable - held - confirmed - safety_stock - fenced, at least 0. 0 where the node is not enabled.';
COMMENT ON COLUMN onhand.availability.on_hand IS 'All that is physically there, in any state.';
COMMENT ON COLUMN onhand.availability.sellable IS 'Of it, what is fit to sell.';
COMMENT ON COLUMN onhand.availability.held IS 'Claims that may still expire, those that have ended left out.';
COMMENT ON COLUMN onhand.availability.confirmed IS 'Firm claims.';
COMMENT ON COLUMN onhand.availability.safety_stock IS 'Kept back: what the most specific rule without a channel says (sku and node, sku, node, all).';
COMMENT ON COLUMN onhand.availability.fenced IS 'Set aside for channels, and not used by their live claims.';
COMMENT ON COLUMN onhand.availability.short IS 'By how much claims exceed sellable.';

CREATE VIEW onhand.oversold AS
SELECT a.sku, a.node, a.short, a.sellable, a.held, a.confirmed,
       (SELECT array_agg(DISTINCT c.reservation) FROM onhand.live_claim c
        WHERE c.sku = a.sku AND c.node = a.node AND c.held + c.confirmed > 0) AS reservations
FROM onhand.availability a
WHERE a.short > 0;
COMMENT ON VIEW onhand.oversold IS 'Positions that have promised more than they have: by a correction of stock, or as backorders on purpose.';
COMMENT ON COLUMN onhand.oversold.sku IS 'The item.';
COMMENT ON COLUMN onhand.oversold.node IS 'The node.';
COMMENT ON COLUMN onhand.oversold.short IS 'By how much claims exceed sellable.';
COMMENT ON COLUMN onhand.oversold.sellable IS 'What is fit to sell.';
COMMENT ON COLUMN onhand.oversold.held IS 'Claims that may still expire.';
COMMENT ON COLUMN onhand.oversold.confirmed IS 'Firm claims.';
COMMENT ON COLUMN onhand.oversold.reservations IS 'Whose claims are there.';

CREATE VIEW onhand.aged_holds AS
SELECT r.reservation, r.kind, r.channel, r.customer, r.order_ref, r.created_at, r.expires_at,
       m.now - r.created_at AS age, coalesce(r.expires_at <= m.now, false) AS is_over, l.held, l.confirmed
FROM onhand.reservation r
CROSS JOIN onhand.moment m
CROSS JOIN LATERAL (SELECT sum(x.held) AS held, sum(x.confirmed) AS confirmed
                    FROM onhand.reservation_line x WHERE x.reservation = r.reservation) l
WHERE r.ended_at IS NULL;
COMMENT ON VIEW onhand.aged_holds IS 'Reservations that keep stock from others, with their age: ORDER BY age DESC shows who has forgotten to sell or to release.';
COMMENT ON COLUMN onhand.aged_holds.reservation IS 'Its id.';
COMMENT ON COLUMN onhand.aged_holds.kind IS 'cart, collect, ship, staff or transfer.';
COMMENT ON COLUMN onhand.aged_holds.channel IS 'Through which channel. NULL: none.';
COMMENT ON COLUMN onhand.aged_holds.customer IS 'For whom. NULL: not said.';
COMMENT ON COLUMN onhand.aged_holds.order_ref IS 'The order it belongs to. NULL: not said.';
COMMENT ON COLUMN onhand.aged_holds.created_at IS 'When it was made.';
COMMENT ON COLUMN onhand.aged_holds.expires_at IS 'When what is held of it ends. NULL: never.';
COMMENT ON COLUMN onhand.aged_holds.age IS 'How long ago it was made.';
COMMENT ON COLUMN onhand.aged_holds.is_over IS 'What is held of it has ended, and is not written down yet.';
COMMENT ON COLUMN onhand.aged_holds.held IS 'Units that may still expire.';
COMMENT ON COLUMN onhand.aged_holds.confirmed IS 'Units that are firm.';

CREATE VIEW onhand.fulfilment_by_day AS
SELECT (e.at AT TIME ZONE 'UTC')::date AS day, e.node, r.kind, r.channel,
       count(DISTINCT e.reservation) AS reservations, count(DISTINCT e.sku) AS items, sum(e.quantity) AS quantity
FROM onhand.reservation_event e
LEFT JOIN onhand.reservation r ON r.reservation = e.reservation AND r.made_seq <= e.seq
WHERE e.event = 'fulfil'
GROUP BY 1, 2, 3, 4;
COMMENT ON VIEW onhand.fulfilment_by_day IS 'What left each node for customers, by day (UTC), kind and channel.';
COMMENT ON COLUMN onhand.fulfilment_by_day.day IS 'The day, in UTC.';
COMMENT ON COLUMN onhand.fulfilment_by_day.node IS 'The node.';
COMMENT ON COLUMN onhand.fulfilment_by_day.kind IS 'Kind of the reservations. NULL: not known any more.';
COMMENT ON COLUMN onhand.fulfilment_by_day.channel IS 'Their channel. NULL: none, or not known any more.';
COMMENT ON COLUMN onhand.fulfilment_by_day.reservations IS 'How many reservations.';
COMMENT ON COLUMN onhand.fulfilment_by_day.items IS 'How many items.';
COMMENT ON COLUMN onhand.fulfilment_by_day.quantity IS 'How many units.';

-- ---- The past ------------------------------------------------------------------------------------

CREATE FUNCTION onhand.stock_at(sku text, node text, at timestamptz)
RETURNS TABLE (sellable numeric, damaged numeric, quality_control numeric, display numeric, returned numeric,
               held numeric, confirmed numeric)
LANGUAGE sql STABLE AS $$
    SELECT coalesce(p.sellable, 0) - coalesce(m.sellable, 0), coalesce(p.damaged, 0) - coalesce(m.damaged, 0),
           coalesce(p.quality_control, 0) - coalesce(m.quality_control, 0),
           coalesce(p.display, 0) - coalesce(m.display, 0), coalesce(p.returned, 0) - coalesce(m.returned, 0),
           coalesce(p.held, 0) - coalesce(e.held, 0), coalesce(p.confirmed, 0) - coalesce(e.confirmed, 0)
    FROM onhand.watermark w
    LEFT JOIN onhand.position p ON p.sku = stock_at.sku AND p.node = stock_at.node
    CROSS JOIN LATERAL (
        SELECT sum(x.quantity) FILTER (WHERE x.state = 'sellable') AS sellable,
               sum(x.quantity) FILTER (WHERE x.state = 'damaged') AS damaged,
               sum(x.quantity) FILTER (WHERE x.state = 'quality_control') AS quality_control,
               sum(x.quantity) FILTER (WHERE x.state = 'display') AS display,
               sum(x.quantity) FILTER (WHERE x.state = 'returned') AS returned
        FROM onhand.movement x
        WHERE x.sku = stock_at.sku AND x.node = stock_at.node AND x.recorded_at > stock_at.at) m
    CROSS JOIN LATERAL (
        SELECT sum(x.held) AS held, sum(x.confirmed) AS confirmed
        FROM onhand.reservation_event x
        WHERE x.sku = stock_at.sku AND x.node = stock_at.node AND x.at > stock_at.at) e
    WHERE w.history_from IS NULL OR stock_at.at >= w.history_from
$$;
COMMENT ON FUNCTION onhand.stock_at(text, text, timestamptz) IS 'A position as the ledger had written it down by then: today''s figures without what came after. No row: that time is before watermark.history_from.';

-- ---- Retention -----------------------------------------------------------------------------------

CREATE FUNCTION onhand.drop_months_before(cutoff timestamptz, even_if_needed boolean DEFAULT false)
RETURNS integer
LANGUAGE plpgsql SET search_path = onhand, pg_temp SET timezone = 'UTC' SET lock_timeout = '10s' AS $$
DECLARE
    months    date[];
    month     date;
    high      timestamptz;
    over_at   timestamptz;
    mark      onhand.watermark;
    newest    bigint;
    newest_at timestamptz;
BEGIN
    LOCK TABLE onhand.watermark IN EXCLUSIVE MODE; -- no batch is under way
    SELECT * INTO STRICT mark FROM onhand.watermark;
    SELECT array_agg(m.month ORDER BY m.month) INTO months
    FROM (SELECT DISTINCT to_date(substring(c.relname FROM '_(\d{4}_\d{2})$'), 'YYYY_MM') AS month
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
          WHERE i.inhparent IN ('onhand.movement'::regclass, 'onhand.reservation_event'::regclass)) m
    WHERE m.month + interval '1 month' <= least(cutoff, mark.at);
    IF months IS NULL THEN
        RETURN 0;
    END IF;
    high := months[array_upper(months, 1)] + interval '1 month';

    SELECT max(number), max(at) INTO newest, newest_at FROM onhand.movement
    WHERE recorded_at < high AND number IS NOT NULL;
    IF newest >= mark.movements - 4194304 AND NOT even_if_needed THEN
        RAISE EXCEPTION 'the last 4194304 movements are what a rebuilt ledger can count over, and % of them are that old',
            newest - greatest(mark.forgotten, mark.movements - 4194304) + 1
            USING HINT = 'drop_months_before(..., true) drops them: a ledger that is rebuilt then refuses counts of before as count_too_old.';
    END IF;

    INSERT INTO onhand.opening AS o (sku, node, state, quantity)
    SELECT s.sku, s.node, s.state, sum(s.quantity) FROM (
        SELECT m.sku, m.node, m.state, m.quantity FROM onhand.movement m WHERE m.recorded_at < high
        UNION ALL
        SELECT e.sku, e.node, v.state, v.quantity FROM onhand.reservation_event e
        CROSS JOIN LATERAL (VALUES ('held', e.held), ('confirmed', e.confirmed)) AS v(state, quantity)
        WHERE e.at < high AND e.node IS NOT NULL) s
    GROUP BY s.sku, s.node, s.state HAVING sum(s.quantity) <> 0
    ON CONFLICT (sku, node, state) DO UPDATE SET quantity = o.quantity + excluded.quantity;
    DELETE FROM onhand.opening WHERE quantity = 0;

    over_at := least(high, mark.at - interval '25 hours'); -- the ledger knows them for 24 hours
    DELETE FROM onhand.reservation_line l USING onhand.reservation r
    WHERE r.reservation = l.reservation AND r.ended_at < over_at;
    DELETE FROM onhand.reservation WHERE ended_at < over_at;

    FOREACH month IN ARRAY months LOOP
        EXECUTE format('DROP TABLE IF EXISTS onhand.%I, onhand.%I',
                       'movement' || to_char(month, '_YYYY_MM'), 'reservation_event' || to_char(month, '_YYYY_MM'));
    END LOOP;
    UPDATE onhand.watermark SET forgotten = greatest(forgotten, newest + 1),
        forgotten_at = greatest(forgotten_at, newest_at), history_from = greatest(history_from, high);
    RETURN array_length(months, 1);
END
$$;
COMMENT ON FUNCTION onhand.drop_months_before(timestamptz, boolean) IS 'Retention: drops the months that end at or before the time, their sums go into opening; ended reservations of then go too. Says how many months. Refuses what a rebuilt ledger could still count over, unless told.';
