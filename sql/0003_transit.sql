-- What was reported of deliveries (docs/spec/promise.md, LE1 to LE4).

CREATE TABLE onhand.transit (
    service     text COLLATE "C" NOT NULL,
    origin      text COLLATE "C" NOT NULL,
    destination text COLLATE "C" NOT NULL,
    weekday     integer NOT NULL CHECK (weekday BETWEEN 0 AND 6),
    bucket      integer NOT NULL CHECK (bucket BETWEEN 0 AND 746),
    deliveries  bigint NOT NULL CHECK (deliveries > 0),
    seq         bigint NOT NULL,
    PRIMARY KEY (service, origin, destination, weekday, bucket)
);
COMMENT ON TABLE onhand.transit IS 'How many deliveries took how long, by weekday of hand-over.';
COMMENT ON COLUMN onhand.transit.service IS 'The carrier service.';
COMMENT ON COLUMN onhand.transit.origin IS 'Region it was handed over in.';
COMMENT ON COLUMN onhand.transit.destination IS 'Region it was delivered in.';
COMMENT ON COLUMN onhand.transit.weekday IS 'Of the hand-over: 0 Monday to 6 Sunday.';
COMMENT ON COLUMN onhand.transit.bucket IS 'A span of durations; onhand.transit_hours(bucket) says which.';
COMMENT ON COLUMN onhand.transit.deliveries IS 'How many fell into it.';
COMMENT ON COLUMN onhand.transit.seq IS 'The record that wrote it last.';

-- The ends of the buckets: 0, 1, then the greater of one more and 101/99 of the last, up to 365 days (LE3).
CREATE FUNCTION onhand.transit_hours(bucket integer) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    WITH RECURSIVE ends(bucket, seconds) AS (
        SELECT 0, 0::bigint
        UNION ALL
        SELECT e.bucket + 1, least(31536000, greatest(e.seconds + 1, e.seconds * 101 / 99))
        FROM ends e WHERE e.bucket < $1
    )
    SELECT round(seconds / 3600.0, 2) FROM ends WHERE ends.bucket = $1
$$;
COMMENT ON FUNCTION onhand.transit_hours(integer) IS 'The longest duration in the bucket, in hours.';
