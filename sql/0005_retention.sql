-- Retention: with a reservation goes what it has booked and what was promised with it.

CREATE OR REPLACE FUNCTION onhand.drop_months_before(cutoff timestamptz, even_if_needed boolean DEFAULT false)
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
    DELETE FROM onhand.booking b USING onhand.reservation r
    WHERE r.reservation = b.reservation AND r.ended_at < over_at;
    DELETE FROM onhand.promise p USING onhand.reservation r
    WHERE r.reservation = p.reservation AND r.ended_at < over_at;
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
