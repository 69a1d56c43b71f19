-- What a team would write: a stock row that is guarded by its own condition, and a reservation with an expiry.
CREATE TABLE stock (
    sku text NOT NULL, node text NOT NULL, on_hand integer NOT NULL, reserved integer NOT NULL DEFAULT 0,
    PRIMARY KEY (sku, node), CHECK (reserved >= 0 AND reserved <= on_hand)
) WITH (fillfactor = 70);
CREATE TABLE reservation (
    id text PRIMARY KEY, kind text NOT NULL, channel text NOT NULL, sku text NOT NULL, node text NOT NULL,
    quantity integer NOT NULL, status text NOT NULL DEFAULT 'held', expires_at timestamptz NOT NULL
);
CREATE INDEX ON reservation (expires_at) WHERE status = 'held';
