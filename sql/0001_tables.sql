-- 0001: the tables of the projection.
--
-- They are the fold of the journal up to watermark.seq: every batch of records is applied in one transaction that also
-- moves the watermark (docs/spec/projection.md). Only the projector writes here. Constraints state what the ledger
-- promises, so that a broken promise stops the projection instead of becoming a row.
--
-- Hot tables carry no foreign keys: a check per row costs more than the row. sql/fsck.sql asks the same questions.
-- Ids compare byte by byte (COLLATE "C"), as in the ledger. Quantities are exact decimals with three digits behind the point. Times are the ledger's, in UTC.

CREATE TABLE onhand.watermark (
    only_row       boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    seq            bigint NOT NULL CHECK (seq >= 0),
    at             timestamptz,
    ledger         bigint,
    record_print   bigint,
    epoch          bigint NOT NULL DEFAULT 0,
    movements      bigint NOT NULL DEFAULT 0 CHECK (movements >= 0),
    forgotten      bigint NOT NULL DEFAULT 0 CHECK (forgotten >= 0),
    forgotten_at   timestamptz,
    history_from   timestamptz,
    imports        bigint NOT NULL DEFAULT 0 CHECK (imports >= 0),
    known_seq      bigint NOT NULL DEFAULT 0 CHECK (known_seq >= seq),
    committed_at   timestamptz
);
COMMENT ON TABLE onhand.watermark IS 'How far the tables are: exactly the fold of records 1 to seq. One row.';
COMMENT ON COLUMN onhand.watermark.only_row IS 'Always true: there is one row.';
COMMENT ON COLUMN onhand.watermark.seq IS 'The last record that is in the tables. 0: none yet.';
COMMENT ON COLUMN onhand.watermark.at IS 'The ledger''s time at that record.';
COMMENT ON COLUMN onhand.watermark.ledger IS 'Which data directory the tables follow: a fingerprint of its id. NULL: none yet.';
COMMENT ON COLUMN onhand.watermark.record_print IS 'Fingerprint of record seq, so that another history is noticed. NULL: not known.';
COMMENT ON COLUMN onhand.watermark.epoch IS 'Counts projectors. A batch of an earlier epoch is refused: its projector was replaced.';
COMMENT ON COLUMN onhand.watermark.movements IS 'Numbered movements so far: the next one gets this number.';
COMMENT ON COLUMN onhand.watermark.forgotten IS 'Movements below this number are not in the tables any more.';
COMMENT ON COLUMN onhand.watermark.forgotten_at IS 'The latest business time of a movement below forgotten. NULL: none is missing.';
COMMENT ON COLUMN onhand.watermark.history_from IS 'Movements and events of before are not in the tables, but summed up in opening. NULL: all are there.';
COMMENT ON COLUMN onhand.watermark.imports IS 'How many times an import reported progress.';
COMMENT ON COLUMN onhand.watermark.known_seq IS 'The last durable record that the projector knew of when it committed: what is behind seq was still to come.';
COMMENT ON COLUMN onhand.watermark.committed_at IS 'The database''s time of that commit.';
INSERT INTO onhand.watermark (seq) VALUES (0);

-- ---- Reference data ------------------------------------------------------------------------------

CREATE TABLE onhand.node (
    node        text COLLATE "C" PRIMARY KEY,
    index       integer NOT NULL UNIQUE CHECK (index >= 0),
    type        text NOT NULL CHECK (type IN ('store', 'warehouse', 'supplier', 'pickup_point')),
    name        text NOT NULL,
    gln         text NOT NULL,
    country     text COLLATE "C" NOT NULL,
    time_zone   text NOT NULL,
    city        text NOT NULL,
    region      text NOT NULL,
    postal_code text COLLATE "C" NOT NULL,
    latitude    double precision CHECK (latitude BETWEEN -90 AND 90),
    longitude   double precision CHECK (longitude BETWEEN -180 AND 180),
    ships       boolean NOT NULL,
    collects    boolean NOT NULL,
    enabled     boolean NOT NULL,
    seq         bigint NOT NULL,
    CHECK ((latitude IS NULL) = (longitude IS NULL))
);
COMMENT ON TABLE onhand.node IS 'Places that hold or hand over stock.';
COMMENT ON COLUMN onhand.node.node IS 'Its id.';
COMMENT ON COLUMN onhand.node.index IS 'The ledger''s number for it; never given twice.';
COMMENT ON COLUMN onhand.node.type IS 'store, warehouse, supplier or pickup_point.';
COMMENT ON COLUMN onhand.node.name IS 'For people. Empty: none.';
COMMENT ON COLUMN onhand.node.gln IS 'Global location number. Empty: none.';
COMMENT ON COLUMN onhand.node.country IS 'ISO 3166 alpha-2. Empty: not known.';
COMMENT ON COLUMN onhand.node.time_zone IS 'Name in the tz database. Empty: not known.';
COMMENT ON COLUMN onhand.node.city IS 'City. Empty: not known.';
COMMENT ON COLUMN onhand.node.region IS 'State or province. Empty: not known.';
COMMENT ON COLUMN onhand.node.postal_code IS 'Postal code. Empty: not known.';
COMMENT ON COLUMN onhand.node.latitude IS 'Degrees. NULL: the node has no place on the map.';
COMMENT ON COLUMN onhand.node.longitude IS 'Degrees. NULL: the node has no place on the map.';
COMMENT ON COLUMN onhand.node.ships IS 'Sends to customers.';
COMMENT ON COLUMN onhand.node.collects IS 'Hands over to customers.';
COMMENT ON COLUMN onhand.node.enabled IS 'Takes part in selling at all.';
COMMENT ON COLUMN onhand.node.seq IS 'The record that wrote it last.';

CREATE TABLE onhand.item (
    sku   text COLLATE "C" PRIMARY KEY,
    index integer NOT NULL UNIQUE CHECK (index >= 0),
    name  text NOT NULL,
    gtin  text NOT NULL,
    seq   bigint NOT NULL
);
COMMENT ON TABLE onhand.item IS 'Smallest sellable units.';
COMMENT ON COLUMN onhand.item.sku IS 'Its id.';
COMMENT ON COLUMN onhand.item.index IS 'The ledger''s number for it; never given twice.';
COMMENT ON COLUMN onhand.item.name IS 'For people. Empty: none.';
COMMENT ON COLUMN onhand.item.gtin IS 'Global trade item number. Empty: none.';
COMMENT ON COLUMN onhand.item.seq IS 'The record that wrote it last.';

CREATE TABLE onhand.node_group (
    node_group text COLLATE "C" PRIMARY KEY,
    index      integer NOT NULL UNIQUE CHECK (index >= 0),
    name       text NOT NULL,
    seq        bigint NOT NULL
);
COMMENT ON TABLE onhand.node_group IS 'Named sets of nodes ("group" in the API). Groups may overlap.';
COMMENT ON COLUMN onhand.node_group.node_group IS 'Its id.';
COMMENT ON COLUMN onhand.node_group.index IS 'The ledger''s number for it; never given twice.';
COMMENT ON COLUMN onhand.node_group.name IS 'For people. Empty: none.';
COMMENT ON COLUMN onhand.node_group.seq IS 'The record that wrote it last, its members apart.';

CREATE TABLE onhand.node_group_member (
    node_group text COLLATE "C" NOT NULL,
    node       text COLLATE "C" NOT NULL,
    priority   integer NOT NULL,
    ordinal    bigint NOT NULL,
    PRIMARY KEY (node_group, node)
);
COMMENT ON TABLE onhand.node_group_member IS 'Which nodes are in a group; their order is (priority, ordinal).';
COMMENT ON COLUMN onhand.node_group_member.node_group IS 'The group.';
COMMENT ON COLUMN onhand.node_group_member.node IS 'The node.';
COMMENT ON COLUMN onhand.node_group_member.priority IS 'Lower comes first.';
COMMENT ON COLUMN onhand.node_group_member.ordinal IS 'Among equals, who came first.';

CREATE TABLE onhand.channel (
    channel text COLLATE "C" PRIMARY KEY,
    index   integer NOT NULL UNIQUE CHECK (index >= 0),
    name    text NOT NULL,
    policy  text NOT NULL CHECK (policy IN ('priority', 'nearest', 'highest_stock', 'fewest_splits')),
    seq     bigint NOT NULL
);
COMMENT ON TABLE onhand.channel IS 'Selling contexts. A channel without nodes and groups sells from every node.';
COMMENT ON COLUMN onhand.channel.channel IS 'Its id.';
COMMENT ON COLUMN onhand.channel.index IS 'The ledger''s number for it; never given twice.';
COMMENT ON COLUMN onhand.channel.name IS 'For people. Empty: none.';
COMMENT ON COLUMN onhand.channel.policy IS 'How nodes are picked: priority, nearest, highest_stock or fewest_splits.';
COMMENT ON COLUMN onhand.channel.seq IS 'The record that wrote it last.';

CREATE TABLE onhand.channel_node (
    channel text COLLATE "C" NOT NULL,
    ordinal integer NOT NULL,
    node    text COLLATE "C" NOT NULL,
    PRIMARY KEY (channel, ordinal)
);
COMMENT ON TABLE onhand.channel_node IS 'Nodes that a channel names, in order.';
COMMENT ON COLUMN onhand.channel_node.channel IS 'The channel.';
COMMENT ON COLUMN onhand.channel_node.ordinal IS 'Place in the list, from 0.';
COMMENT ON COLUMN onhand.channel_node.node IS 'The node.';

CREATE TABLE onhand.channel_group (
    channel    text COLLATE "C" NOT NULL,
    ordinal    integer NOT NULL,
    node_group text COLLATE "C" NOT NULL,
    PRIMARY KEY (channel, ordinal)
);
COMMENT ON TABLE onhand.channel_group IS 'Groups that a channel names, in order, after its nodes.';
COMMENT ON COLUMN onhand.channel_group.channel IS 'The channel.';
COMMENT ON COLUMN onhand.channel_group.ordinal IS 'Place in the list, from 0.';
COMMENT ON COLUMN onhand.channel_group.node_group IS 'The group.';

CREATE TABLE onhand.rule (
    rule               text COLLATE "C" PRIMARY KEY,
    sku                text COLLATE "C",
    node               text COLLATE "C",
    channel            text COLLATE "C",
    safety_stock       numeric(19, 3) CHECK (safety_stock >= 0),
    threshold          numeric(19, 3) CHECK (threshold >= 0),
    min_quantity       numeric(19, 3) CHECK (min_quantity >= 0),
    max_quantity       numeric(19, 3) CHECK (max_quantity >= 0),
    quantity_increment numeric(19, 3) CHECK (quantity_increment > 0),
    backorder_limit    numeric(19, 3) CHECK (backorder_limit >= 0),
    low_stock          numeric(19, 3) CHECK (low_stock >= 0),
    pickup_allowed     boolean,
    ship_allowed       boolean,
    preorder           boolean,
    seq                bigint NOT NULL,
    CHECK (node IS NULL OR channel IS NULL)
);
COMMENT ON TABLE onhand.rule IS 'What rules say. The most specific scope wins, per attribute: sku+node, sku+channel, sku, node, channel, none.';
COMMENT ON COLUMN onhand.rule.rule IS 'Its id.';
COMMENT ON COLUMN onhand.rule.sku IS 'Scope. NULL: any item.';
COMMENT ON COLUMN onhand.rule.node IS 'Scope. NULL: any node.';
COMMENT ON COLUMN onhand.rule.channel IS 'Scope. NULL: any channel.';
COMMENT ON COLUMN onhand.rule.safety_stock IS 'Kept back at each position. NULL: not said, here and below.';
COMMENT ON COLUMN onhand.rule.threshold IS 'Hidden from a channel''s total.';
COMMENT ON COLUMN onhand.rule.min_quantity IS 'Least that may be reserved at once.';
COMMENT ON COLUMN onhand.rule.max_quantity IS 'Most that may be reserved at once.';
COMMENT ON COLUMN onhand.rule.quantity_increment IS 'Quantities must be multiples of it.';
COMMENT ON COLUMN onhand.rule.backorder_limit IS 'How far below zero a position may be sold.';
COMMENT ON COLUMN onhand.rule.low_stock IS 'Available at or below this is low_stock.';
COMMENT ON COLUMN onhand.rule.pickup_allowed IS 'May be collected.';
COMMENT ON COLUMN onhand.rule.ship_allowed IS 'May be shipped.';
COMMENT ON COLUMN onhand.rule.preorder IS 'Out of stock with a supply to come is preorder.';
COMMENT ON COLUMN onhand.rule.seq IS 'The record that wrote it last.';

CREATE TABLE onhand.fence (
    fence    text COLLATE "C" PRIMARY KEY,
    sku      text COLLATE "C" NOT NULL,
    node     text COLLATE "C" NOT NULL,
    channel  text COLLATE "C" NOT NULL,
    quantity numeric(19, 3) NOT NULL CHECK (quantity >= 0),
    policy   text NOT NULL CHECK (policy IN ('regular', 'restrict')),
    seq      bigint NOT NULL,
    UNIQUE (sku, node, channel)
);
COMMENT ON TABLE onhand.fence IS 'Quantities set aside at a position for one channel.';
COMMENT ON COLUMN onhand.fence.fence IS 'Its id.';
COMMENT ON COLUMN onhand.fence.sku IS 'The item.';
COMMENT ON COLUMN onhand.fence.node IS 'The node.';
COMMENT ON COLUMN onhand.fence.channel IS 'For whom.';
COMMENT ON COLUMN onhand.fence.quantity IS 'What is left of it; what its channel''s live claims use is part of it.';
COMMENT ON COLUMN onhand.fence.policy IS 'regular: the fence first, then open stock. restrict: the fence only.';
COMMENT ON COLUMN onhand.fence.seq IS 'The record that wrote it last, or used it.';

CREATE TABLE onhand.supply (
    supply   text COLLATE "C" PRIMARY KEY,
    sku      text COLLATE "C" NOT NULL,
    node     text COLLATE "C" NOT NULL,
    quantity numeric(19, 3) NOT NULL CHECK (quantity > 0),
    eta      timestamptz NOT NULL,
    seq      bigint NOT NULL
);
COMMENT ON TABLE onhand.supply IS 'Quantities expected at a node.';
COMMENT ON COLUMN onhand.supply.supply IS 'Its id.';
COMMENT ON COLUMN onhand.supply.sku IS 'The item.';
COMMENT ON COLUMN onhand.supply.node IS 'Where it will arrive.';
COMMENT ON COLUMN onhand.supply.quantity IS 'How much.';
COMMENT ON COLUMN onhand.supply.eta IS 'When.';
COMMENT ON COLUMN onhand.supply.seq IS 'The record that wrote it last.';
CREATE INDEX supply_place ON onhand.supply (sku, node);

CREATE TABLE onhand.postal_code (
    country     text COLLATE "C" NOT NULL,
    postal_code text COLLATE "C" NOT NULL,
    place       text NOT NULL,
    latitude    double precision NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude   double precision NOT NULL CHECK (longitude BETWEEN -180 AND 180),
    seq         bigint NOT NULL,
    PRIMARY KEY (country, postal_code)
);
COMMENT ON TABLE onhand.postal_code IS 'Where postal codes are.';
COMMENT ON COLUMN onhand.postal_code.country IS 'ISO 3166 alpha-2.';
COMMENT ON COLUMN onhand.postal_code.postal_code IS 'Without spaces, upper case.';
COMMENT ON COLUMN onhand.postal_code.place IS 'Name of the place. Empty: none.';
COMMENT ON COLUMN onhand.postal_code.latitude IS 'Degrees.';
COMMENT ON COLUMN onhand.postal_code.longitude IS 'Degrees.';
COMMENT ON COLUMN onhand.postal_code.seq IS 'The record that wrote it last.';

-- ---- Stock ---------------------------------------------------------------------------------------

CREATE TABLE onhand.position (
    sku             text COLLATE "C" NOT NULL,
    node            text COLLATE "C" NOT NULL,
    sellable        numeric(19, 3) NOT NULL DEFAULT 0,
    damaged         numeric(19, 3) NOT NULL DEFAULT 0,
    quality_control numeric(19, 3) NOT NULL DEFAULT 0,
    display         numeric(19, 3) NOT NULL DEFAULT 0,
    returned        numeric(19, 3) NOT NULL DEFAULT 0,
    held            numeric(19, 3) NOT NULL DEFAULT 0 CHECK (held >= 0),
    confirmed       numeric(19, 3) NOT NULL DEFAULT 0 CHECK (confirmed >= 0),
    seq             bigint NOT NULL,
    first_movement  bigint,
    has_forgotten   boolean NOT NULL DEFAULT false,
    PRIMARY KEY (sku, node)
) WITH (fillfactor = 70);
COMMENT ON TABLE onhand.position IS 'The ledger row of each (item, node).';
COMMENT ON COLUMN onhand.position.sku IS 'The item.';
COMMENT ON COLUMN onhand.position.node IS 'The node.';
COMMENT ON COLUMN onhand.position.sellable IS 'Physically there and fit to sell. Below zero: more left than was known to be there.';
COMMENT ON COLUMN onhand.position.damaged IS 'Physically there, damaged.';
COMMENT ON COLUMN onhand.position.quality_control IS 'Physically there, being checked.';
COMMENT ON COLUMN onhand.position.display IS 'Physically there, on display.';
COMMENT ON COLUMN onhand.position.returned IS 'Physically there, returned and not sorted yet.';
COMMENT ON COLUMN onhand.position.held IS 'Claims that may still expire: the sum over reservation_line.';
COMMENT ON COLUMN onhand.position.confirmed IS 'Firm claims: the sum over reservation_line.';
COMMENT ON COLUMN onhand.position.seq IS 'The record that changed it last.';
COMMENT ON COLUMN onhand.position.first_movement IS 'Number of its first movement. NULL: it never had one.';
COMMENT ON COLUMN onhand.position.has_forgotten IS 'It had movements before those the tables began with.';
CREATE INDEX position_node ON onhand.position (node);

CREATE TABLE onhand.position_count (
    sku        text COLLATE "C" NOT NULL,
    node       text COLLATE "C" NOT NULL,
    state      text NOT NULL CHECK (state IN ('sellable', 'damaged', 'quality_control', 'display', 'returned')),
    as_of      timestamptz NOT NULL,
    source_seq bigint CHECK (source_seq >= 0),
    quantity   numeric(19, 3) CHECK (quantity >= 0),
    source     text,
    seq        bigint,
    PRIMARY KEY (sku, node, state)
);
COMMENT ON TABLE onhand.position_count IS 'The count that holds for each state of a position: the greatest by (as_of, source_seq, smaller quantity).';
COMMENT ON COLUMN onhand.position_count.sku IS 'The item.';
COMMENT ON COLUMN onhand.position_count.node IS 'The node.';
COMMENT ON COLUMN onhand.position_count.state IS 'What was counted.';
COMMENT ON COLUMN onhand.position_count.as_of IS 'When it was counted.';
COMMENT ON COLUMN onhand.position_count.source_seq IS 'The source''s own number of the count. NULL: it gave none.';
COMMENT ON COLUMN onhand.position_count.quantity IS 'What was counted. NULL: not known, the count is older than these tables.';
COMMENT ON COLUMN onhand.position_count.source IS 'Who counted. NULL: not known.';
COMMENT ON COLUMN onhand.position_count.seq IS 'The record of the count. NULL: not known.';

CREATE TABLE onhand.opening (
    sku      text COLLATE "C" NOT NULL,
    node     text COLLATE "C" NOT NULL,
    state    text NOT NULL CHECK (state IN ('sellable', 'damaged', 'quality_control', 'display', 'returned', 'held', 'confirmed')),
    quantity numeric(19, 3) NOT NULL,
    PRIMARY KEY (sku, node, state)
);
COMMENT ON TABLE onhand.opening IS 'What positions had before the history here: opening + movements (of held and confirmed: events) = position.';
COMMENT ON COLUMN onhand.opening.sku IS 'The item.';
COMMENT ON COLUMN onhand.opening.node IS 'The node.';
COMMENT ON COLUMN onhand.opening.state IS 'Which state; or held, confirmed.';
COMMENT ON COLUMN onhand.opening.quantity IS 'How much.';

CREATE TABLE onhand.movement (
    seq         bigint NOT NULL,
    ordinal     integer NOT NULL,
    recorded_at timestamptz NOT NULL,
    at          timestamptz NOT NULL,
    sku         text COLLATE "C" NOT NULL,
    node        text COLLATE "C" NOT NULL,
    state       text NOT NULL CHECK (state IN ('sellable', 'damaged', 'quality_control', 'display', 'returned')),
    kind        text NOT NULL CHECK (kind IN ('adjust', 'count', 'fulfil')),
    quantity    numeric(19, 3) NOT NULL,
    told        numeric(19, 3) NOT NULL,
    number      bigint,
    source      text,
    reason      text,
    reservation text COLLATE "C",
    line        integer,
    CHECK (quantity = 0 OR quantity = told OR kind = 'count')
) PARTITION BY RANGE (recorded_at);
COMMENT ON TABLE onhand.movement IS 'Physical movements and counts, append-only. A position''s states are the sum of quantity (and of opening).';
COMMENT ON COLUMN onhand.movement.seq IS 'The record.';
COMMENT ON COLUMN onhand.movement.ordinal IS 'Place in the record.';
COMMENT ON COLUMN onhand.movement.recorded_at IS 'When the ledger took it: the partitions are months of this.';
COMMENT ON COLUMN onhand.movement.at IS 'When it happened, as its source told.';
COMMENT ON COLUMN onhand.movement.sku IS 'The item.';
COMMENT ON COLUMN onhand.movement.node IS 'The node.';
COMMENT ON COLUMN onhand.movement.state IS 'Which state.';
COMMENT ON COLUMN onhand.movement.kind IS 'adjust, count, or fulfil.';
COMMENT ON COLUMN onhand.movement.quantity IS 'By how much the position changed: 0 when a count had seen it already.';
COMMENT ON COLUMN onhand.movement.told IS 'What the source said: the delta, or the counted quantity.';
COMMENT ON COLUMN onhand.movement.number IS 'Its number among the movements that a later count may be rebased over. NULL: it is not one.';
COMMENT ON COLUMN onhand.movement.source IS 'Who told. NULL: a fulfilment, or not known any more.';
COMMENT ON COLUMN onhand.movement.reason IS 'Why, of an adjust. NULL: a count or fulfilment.';
COMMENT ON COLUMN onhand.movement.reservation IS 'Of a fulfilment.';
COMMENT ON COLUMN onhand.movement.line IS 'Of a fulfilment.';
CREATE INDEX movement_place ON onhand.movement (sku, node, recorded_at);
CREATE INDEX movement_number ON onhand.movement USING brin (number);

-- ---- Reservations --------------------------------------------------------------------------------

CREATE TABLE onhand.reservation (
    reservation text COLLATE "C" PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('cart', 'collect', 'ship', 'staff', 'transfer')),
    channel     text COLLATE "C",
    customer    text COLLATE "C",
    order_ref   text COLLATE "C",
    status      text NOT NULL CHECK (status IN ('held', 'confirmed', 'fulfilled', 'released', 'expired')),
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz,
    ended_at    timestamptz,
    made_seq    bigint NOT NULL,
    seq         bigint NOT NULL,
    CHECK (ended_at IS NULL OR status IN ('fulfilled', 'released', 'expired'))
) WITH (fillfactor = 80);
COMMENT ON TABLE onhand.reservation IS 'Reservations, the ended ones included. An id that is used again, a day after its end, replaces the older one.';
COMMENT ON COLUMN onhand.reservation.reservation IS 'Its id.';
COMMENT ON COLUMN onhand.reservation.kind IS 'cart, collect, ship, staff or transfer.';
COMMENT ON COLUMN onhand.reservation.channel IS 'Through which channel. NULL: none.';
COMMENT ON COLUMN onhand.reservation.customer IS 'For whom. NULL: not said.';
COMMENT ON COLUMN onhand.reservation.order_ref IS 'The order it belongs to ("order" in the API). NULL: not said.';
COMMENT ON COLUMN onhand.reservation.status IS 'held, confirmed, fulfilled, released or expired, as written down: a hold past expires_at counts for nothing.';
COMMENT ON COLUMN onhand.reservation.created_at IS 'When it was made.';
COMMENT ON COLUMN onhand.reservation.expires_at IS 'When what is held of it ends. NULL: never.';
COMMENT ON COLUMN onhand.reservation.ended_at IS 'When its last claim ended. NULL: it has live claims.';
COMMENT ON COLUMN onhand.reservation.made_seq IS 'The record that made it.';
COMMENT ON COLUMN onhand.reservation.seq IS 'The record that changed it last.';
CREATE INDEX reservation_customer ON onhand.reservation (customer) WHERE customer IS NOT NULL;
CREATE INDEX reservation_order ON onhand.reservation (order_ref) WHERE order_ref IS NOT NULL;
CREATE INDEX reservation_live ON onhand.reservation (expires_at) WHERE ended_at IS NULL;

CREATE TABLE onhand.reservation_line (
    reservation text COLLATE "C" NOT NULL,
    line        integer NOT NULL CHECK (line > 0),
    sku         text COLLATE "C" NOT NULL,
    node        text COLLATE "C",
    quantity    numeric(19, 3) NOT NULL CHECK (quantity > 0),
    held        numeric(19, 3) NOT NULL CHECK (held >= 0),
    confirmed   numeric(19, 3) NOT NULL CHECK (confirmed >= 0),
    fulfilled   numeric(19, 3) NOT NULL CHECK (fulfilled >= 0),
    expired     numeric(19, 3) NOT NULL CHECK (expired >= 0),
    released    numeric(19, 3) GENERATED ALWAYS AS (quantity - held - confirmed - fulfilled - expired) STORED
                CHECK (released >= 0),
    ordinal     bigint NOT NULL,
    seq         bigint NOT NULL,
    CONSTRAINT reservation_line_claim UNIQUE NULLS NOT DISTINCT (reservation, line, sku, node)
) WITH (fillfactor = 80);
COMMENT ON TABLE onhand.reservation_line IS 'Claims: what each line of a reservation has at each node.';
COMMENT ON COLUMN onhand.reservation_line.reservation IS 'The reservation.';
COMMENT ON COLUMN onhand.reservation_line.line IS 'Its line, as the request numbered it.';
COMMENT ON COLUMN onhand.reservation_line.sku IS 'The item.';
COMMENT ON COLUMN onhand.reservation_line.node IS 'Where the claim is. NULL: what was asked for and could not be had (allow_partial).';
COMMENT ON COLUMN onhand.reservation_line.quantity IS 'Claimed here at first, less what was moved away.';
COMMENT ON COLUMN onhand.reservation_line.held IS 'Of it: may still expire.';
COMMENT ON COLUMN onhand.reservation_line.confirmed IS 'Of it: firm.';
COMMENT ON COLUMN onhand.reservation_line.fulfilled IS 'Of it: left the node.';
COMMENT ON COLUMN onhand.reservation_line.expired IS 'Of it: expired.';
COMMENT ON COLUMN onhand.reservation_line.released IS 'Of it: given back.';
COMMENT ON COLUMN onhand.reservation_line.ordinal IS 'Order of the claims of a reservation.';
COMMENT ON COLUMN onhand.reservation_line.seq IS 'The record that changed it last.';
CREATE INDEX reservation_line_live ON onhand.reservation_line (sku, node) WHERE held + confirmed > 0;

CREATE TABLE onhand.reservation_event (
    seq         bigint NOT NULL,
    ordinal     integer NOT NULL,
    at          timestamptz NOT NULL,
    reservation text COLLATE "C" NOT NULL,
    line        integer,
    sku         text COLLATE "C",
    node        text COLLATE "C",
    event       text NOT NULL CHECK (event IN ('claim', 'short', 'confirm', 'release', 'expire', 'fulfil', 'move', 'extend')),
    quantity    numeric(19, 3),
    held        numeric(19, 3) NOT NULL,
    confirmed   numeric(19, 3) NOT NULL,
    expires_at  timestamptz
) PARTITION BY RANGE (at);
COMMENT ON TABLE onhand.reservation_event IS 'The history of reservations and lines, append-only. held and confirmed of a position are the sums of these.';
COMMENT ON COLUMN onhand.reservation_event.seq IS 'The record.';
COMMENT ON COLUMN onhand.reservation_event.ordinal IS 'Place in the record.';
COMMENT ON COLUMN onhand.reservation_event.at IS 'The ledger''s time: the partitions are months of this.';
COMMENT ON COLUMN onhand.reservation_event.reservation IS 'The reservation.';
COMMENT ON COLUMN onhand.reservation_event.line IS 'The line. NULL: an extension, which is of the whole.';
COMMENT ON COLUMN onhand.reservation_event.sku IS 'The item. NULL: an extension.';
COMMENT ON COLUMN onhand.reservation_event.node IS 'The node. NULL: an extension, or what could not be had.';
COMMENT ON COLUMN onhand.reservation_event.event IS 'claim (also at the node that is moved to), short (could not be had), confirm, release, expire, fulfil, move (away), extend.';
COMMENT ON COLUMN onhand.reservation_event.quantity IS 'How much took the step.';
COMMENT ON COLUMN onhand.reservation_event.held IS 'By how much held changed.';
COMMENT ON COLUMN onhand.reservation_event.confirmed IS 'By how much confirmed changed.';
COMMENT ON COLUMN onhand.reservation_event.expires_at IS 'Of an extension: the new end. NULL: no end.';
CREATE INDEX reservation_event_reservation ON onhand.reservation_event (reservation);
CREATE INDEX reservation_event_place ON onhand.reservation_event (sku, node, at);

-- ---- What a rebuild needs ------------------------------------------------------------------------

CREATE TABLE onhand.idempotency_key (
    seq         bigint NOT NULL,
    ordinal     integer NOT NULL,
    at          timestamptz NOT NULL,
    answer_seq  bigint NOT NULL,
    fingerprint bigint NOT NULL,
    key         bytea NOT NULL,
    answer      bytea NOT NULL
);
COMMENT ON TABLE onhand.idempotency_key IS 'Idempotency keys and the ids of entries, with what was answered, packed. Kept 24 hours and up to an hour more.';
COMMENT ON COLUMN onhand.idempotency_key.seq IS 'The record that brought it.';
COMMENT ON COLUMN onhand.idempotency_key.ordinal IS 'Place in the record.';
COMMENT ON COLUMN onhand.idempotency_key.at IS 'When; known for 24 hours from then.';
COMMENT ON COLUMN onhand.idempotency_key.answer_seq IS 'The position that the answer speaks for.';
COMMENT ON COLUMN onhand.idempotency_key.fingerprint IS 'Of the request, so that another one under the same key is noticed.';
COMMENT ON COLUMN onhand.idempotency_key.key IS 'Its name space (k header, r reservation, e entry) and the key.';
COMMENT ON COLUMN onhand.idempotency_key.answer IS 'The answer, packed as in the journal.';
CREATE INDEX idempotency_key_at ON onhand.idempotency_key USING brin (at);

CREATE TABLE onhand.import_progress (
    import   text COLLATE "C" PRIMARY KEY,
    rows     bigint NOT NULL CHECK (rows >= 0),
    rejected bigint NOT NULL CHECK (rejected >= 0),
    number   bigint NOT NULL
);
COMMENT ON TABLE onhand.import_progress IS 'How far imports came.';
COMMENT ON COLUMN onhand.import_progress.import IS 'Its id.';
COMMENT ON COLUMN onhand.import_progress.rows IS 'Rows done, the rejected ones included.';
COMMENT ON COLUMN onhand.import_progress.rejected IS 'Rows rejected.';
COMMENT ON COLUMN onhand.import_progress.number IS 'Which report of all it was: the ledger keeps the 4,096 latest.';

-- ---- Months --------------------------------------------------------------------------------------

CREATE FUNCTION onhand.month_add(month timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = onhand, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    low  timestamptz := date_trunc('month', month);
    high timestamptz := date_trunc('month', month) + interval '1 month';
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['movement', 'reservation_event'] LOOP
        EXECUTE format('CREATE TABLE IF NOT EXISTS onhand.%I PARTITION OF onhand.%I FOR VALUES FROM (%L) TO (%L)',
                       name || to_char(low, '_YYYY_MM'), name, low, high);
    END LOOP;
END
$$;
COMMENT ON FUNCTION onhand.month_add(timestamptz) IS 'Makes the partitions of the month, when they are missing.';
