-- What an order promise is made of, and what it has booked (docs/spec/promise.md).

ALTER TABLE onhand.item
    ADD class        text COLLATE "C" NOT NULL DEFAULT '',
    ADD weight_grams bigint NOT NULL DEFAULT 0 CHECK (weight_grams >= 0),
    ADD side_mm      bigint NOT NULL DEFAULT 0 CHECK (side_mm >= 0),
    ADD volume_cm3   bigint NOT NULL DEFAULT 0 CHECK (volume_cm3 >= 0);
COMMENT ON COLUMN onhand.item.class IS 'How it is handled: processing times and what may travel together go by it. Empty: none.';
COMMENT ON COLUMN onhand.item.weight_grams IS 'Weight of one. 0: not known.';
COMMENT ON COLUMN onhand.item.side_mm IS 'Its longest side. 0: not known.';
COMMENT ON COLUMN onhand.item.volume_cm3 IS 'Volume of one. 0: not known.';

ALTER TABLE onhand.reservation_line ADD due_at timestamptz;
COMMENT ON COLUMN onhand.reservation_line.due_at IS 'Claimed on a supply that comes by then. NULL: on what is there.';

CREATE TABLE onhand.document (
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('calendar', 'zone', 'service', 'schedule', 'lane', 'sourcing')),
    id   text COLLATE "C" NOT NULL,
    body text NOT NULL CHECK (body <> ''),
    seq  bigint NOT NULL,
    PRIMARY KEY (kind, id)
);
COMMENT ON TABLE onhand.document IS 'How the company works: what dates and sourcing are made of.';
COMMENT ON COLUMN onhand.document.kind IS 'calendar, zone, service, schedule (of a node), lane or sourcing (of a channel).';
COMMENT ON COLUMN onhand.document.id IS 'Its id; of a schedule the node, of sourcing the channel.';
COMMENT ON COLUMN onhand.document.body IS 'The document as it was put, to the byte: body::jsonb reads it.';
COMMENT ON COLUMN onhand.document.seq IS 'The record that wrote it last.';

CREATE TABLE onhand.booking (
    reservation text COLLATE "C" NOT NULL,
    node        text COLLATE "C" NOT NULL,
    resource    text COLLATE "C" NOT NULL,
    unit        text NOT NULL CHECK (unit IN ('orders', 'lines', 'units', 'parcels')),
    from_at     timestamptz NOT NULL,
    until_at    timestamptz NOT NULL CHECK (until_at > from_at),
    quantity    numeric(19, 3) NOT NULL CHECK (quantity > 0),
    ordinal     bigint NOT NULL,
    seq         bigint NOT NULL,
    PRIMARY KEY (reservation, node, resource, from_at)
);
COMMENT ON TABLE onhand.booking IS 'Capacity taken in a window by a reservation. onhand.booked says what of it counts now.';
COMMENT ON COLUMN onhand.booking.reservation IS 'The reservation.';
COMMENT ON COLUMN onhand.booking.node IS 'For its claims there.';
COMMENT ON COLUMN onhand.booking.resource IS 'node/<node>, slot/<service> or account/<service>/<account>.';
COMMENT ON COLUMN onhand.booking.unit IS 'What is counted: orders, lines, units or parcels.';
COMMENT ON COLUMN onhand.booking.from_at IS 'The window begins.';
COMMENT ON COLUMN onhand.booking.until_at IS 'The window ends.';
COMMENT ON COLUMN onhand.booking.quantity IS 'Booked, less what was given back for good.';
COMMENT ON COLUMN onhand.booking.ordinal IS 'Order of the bookings of a reservation.';
COMMENT ON COLUMN onhand.booking.seq IS 'The record that changed it last.';
CREATE INDEX booking_window ON onhand.booking (resource, from_at);

CREATE TABLE onhand.promise (
    reservation text COLLATE "C" PRIMARY KEY,
    body        text NOT NULL,
    seq         bigint NOT NULL
);
COMMENT ON TABLE onhand.promise IS 'What was promised with a reservation, and what was asked for it.';
COMMENT ON COLUMN onhand.promise.reservation IS 'The reservation.';
COMMENT ON COLUMN onhand.promise.body IS 'As GET /v1/promises/{promise} shows it: body::jsonb reads it.';
COMMENT ON COLUMN onhand.promise.seq IS 'The record that wrote it last.';

-- A booking counts as long as its claims do (CA4): an order or a parcel whole, lines and units as many as are left.
CREATE VIEW onhand.booked AS
SELECT b.resource, b.from_at, b.until_at, b.unit, b.reservation, b.node,
       CASE WHEN coalesce(l.units, 0) = 0 THEN 0
            WHEN b.unit = 'lines' THEN least(b.quantity, l.lines)
            WHEN b.unit = 'units' THEN least(b.quantity, l.units)
            ELSE b.quantity END AS quantity
FROM onhand.booking b
LEFT JOIN LATERAL (
    SELECT count(DISTINCT line) AS lines, sum(held + confirmed + fulfilled) AS units
    FROM onhand.reservation_line x
    WHERE x.reservation = b.reservation AND x.node = b.node AND x.held + x.confirmed + x.fulfilled > 0
) l ON true;
COMMENT ON VIEW onhand.booked IS 'What counts of each booking; sum by resource and from_at to see how full a window is.';
COMMENT ON COLUMN onhand.booked.resource IS 'What is booked.';
COMMENT ON COLUMN onhand.booked.from_at IS 'The window begins.';
COMMENT ON COLUMN onhand.booked.until_at IS 'The window ends.';
COMMENT ON COLUMN onhand.booked.unit IS 'What is counted.';
COMMENT ON COLUMN onhand.booked.reservation IS 'By which reservation.';
COMMENT ON COLUMN onhand.booked.node IS 'For its claims there.';
COMMENT ON COLUMN onhand.booked.quantity IS 'How much counts; 0: given back.';
