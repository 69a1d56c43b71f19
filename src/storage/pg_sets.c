#include "storage/pg_sets.h"
#include "base/assert.h"
#include <string.h>

#define UNIQUE_VIOLATION "23505"

/* ---- Every statement --------------------------------------------------------------------------- */

#define STATEMENTS_MAX 4

enum run {
    RUN_ALWAYS,
    RUN_IF_CHANGED, /* the statement before changed rows */
    RUN_IF_MISSING, /* the statement before found fewer rows than there are in the set */
};

struct statement {
    enum run run;
    const char *sql;
};

/* Columns, one letter each: t text, i int4, l int8, b bool, d float8, z timestamptz, n numeric. NULL: a COPY. */
struct set {
    const char *columns;
    struct statement statements[STATEMENTS_MAX];
};

static const struct set set_table[OH_PG_SETS] = {
    [OH_PG_NODES] = { "titttttttt" "ddbbbl",
        { { RUN_ALWAYS,
            "INSERT INTO onhand.node AS n (node, index, type, name, gln, country, time_zone, city, region, postal_code,"
            " latitude, longitude, ships, collects, enabled, seq)"
            " SELECT DISTINCT ON (s.index) s.node, s.index, s.type, s.name, s.gln, s.country, s.time_zone, s.city,"
            " s.region, s.postal_code, s.latitude, s.longitude, s.ships, s.collects, s.enabled, s.seq"
            " FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) WITH ORDINALITY"
            " AS s(node, index, type, name, gln, country, time_zone, city, region, postal_code, latitude, longitude,"
            " ships, collects, enabled, seq, place)"
            " ORDER BY s.index, s.place DESC"
            " ON CONFLICT (node) DO UPDATE SET type = excluded.type, name = excluded.name, gln = excluded.gln,"
            " country = excluded.country, time_zone = excluded.time_zone, city = excluded.city,"
            " region = excluded.region, postal_code = excluded.postal_code, latitude = excluded.latitude,"
            " longitude = excluded.longitude, ships = excluded.ships, collects = excluded.collects,"
            " enabled = excluded.enabled, seq = excluded.seq" } } },
    [OH_PG_ITEMS] = { "titttllll",
        { { RUN_ALWAYS,
            "INSERT INTO onhand.item AS i (sku, index, name, gtin, class, weight_grams, side_mm, volume_cm3, seq)"
            " SELECT DISTINCT ON (s.index) s.sku, s.index, s.name, s.gtin, s.class, s.weight_grams, s.side_mm,"
            " s.volume_cm3, s.seq"
            " FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) WITH ORDINALITY"
            " AS s(sku, index, name, gtin, class, weight_grams, side_mm, volume_cm3, seq, place)"
            " ORDER BY s.index, s.place DESC"
            " ON CONFLICT (sku) DO UPDATE SET name = excluded.name, gtin = excluded.gtin, class = excluded.class,"
            " weight_grams = excluded.weight_grams, side_mm = excluded.side_mm, volume_cm3 = excluded.volume_cm3,"
            " seq = excluded.seq" } } },
    [OH_PG_GROUPS] = { "titl",
        { { RUN_ALWAYS,
            "INSERT INTO onhand.node_group AS g (node_group, index, name, seq)"
            " SELECT DISTINCT ON (s.index) s.node_group, s.index, s.name, s.seq"
            " FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS s(node_group, index, name, seq, place)"
            " ORDER BY s.index, s.place DESC"
            " ON CONFLICT (node_group) DO UPDATE SET name = excluded.name, seq = excluded.seq" },
          { RUN_ALWAYS, "DELETE FROM onhand.node_group_member WHERE node_group = ANY ($1)" } } },
    [OH_PG_GROUP_MEMBERS] = { "ttil",
        { { RUN_ALWAYS,
            "INSERT INTO onhand.node_group_member AS m (node_group, node, priority, ordinal)"
            " SELECT DISTINCT ON (s.node_group, s.node) s.node_group, s.node, s.priority, s.ordinal"
            " FROM unnest($1, $2, $3, $4) AS s(node_group, node, priority, ordinal)"
            " ORDER BY s.node_group, s.node, s.ordinal DESC"
            " ON CONFLICT (node_group, node) DO UPDATE SET priority = excluded.priority,"
            " ordinal = excluded.ordinal" } } },
    [OH_PG_CHANNELS] = { "tittl",
        { { RUN_ALWAYS,
            "INSERT INTO onhand.channel AS c (channel, index, name, policy, seq)"
            " SELECT s.channel, s.index, s.name, s.policy, s.seq"
            " FROM unnest($1, $2, $3, $4, $5) AS s(channel, index, name, policy, seq)"
            " ON CONFLICT (channel) DO UPDATE SET name = excluded.name, policy = excluded.policy,"
            " seq = excluded.seq" },
          { RUN_ALWAYS, "DELETE FROM onhand.channel_node WHERE channel = ANY ($1)" },
          { RUN_ALWAYS, "DELETE FROM onhand.channel_group WHERE channel = ANY ($1)" } } },
    [OH_PG_CHANNEL_NODES] = { "tit",
        { { RUN_ALWAYS,
            "INSERT INTO onhand.channel_node (channel, ordinal, node) SELECT * FROM unnest($1, $2, $3)" } } },
    [OH_PG_CHANNEL_GROUPS] = { "tit",
        { { RUN_ALWAYS,
            "INSERT INTO onhand.channel_group (channel, ordinal, node_group) SELECT * FROM unnest($1, $2, $3)" } } },
    [OH_PG_RULES] = { "btttt" "nnnnnnn" "bbbl",
        { { RUN_ALWAYS, "DELETE FROM onhand.rule WHERE rule = ANY ($2)" },
          { RUN_ALWAYS,
            "INSERT INTO onhand.rule (rule, sku, node, channel, safety_stock, threshold, min_quantity, max_quantity,"
            " quantity_increment, backorder_limit, low_stock, pickup_allowed, ship_allowed, preorder, seq)"
            " SELECT l.rule, l.sku, l.node, l.channel, l.safety_stock, l.threshold, l.min_quantity, l.max_quantity,"
            " l.quantity_increment, l.backorder_limit, l.low_stock, l.pickup_allowed, l.ship_allowed, l.preorder, l.seq"
            " FROM (SELECT DISTINCT ON (s.rule) s.*"
            " FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) WITH ORDINALITY"
            " AS s(is_removed, rule, sku, node, channel, safety_stock, threshold, min_quantity, max_quantity,"
            " quantity_increment, backorder_limit, low_stock, pickup_allowed, ship_allowed, preorder, seq, place)"
            " ORDER BY s.rule, s.place DESC) AS l WHERE NOT l.is_removed" } } },
    [OH_PG_FENCES] = { "bttttntl",
        { { RUN_ALWAYS, "DELETE FROM onhand.fence WHERE fence = ANY ($2)" },
          { RUN_ALWAYS,
            "INSERT INTO onhand.fence (fence, sku, node, channel, quantity, policy, seq)"
            " SELECT l.fence, l.sku, l.node, l.channel, l.quantity, l.policy, l.seq"
            " FROM (SELECT DISTINCT ON (s.fence) s.*"
            " FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) WITH ORDINALITY"
            " AS s(is_removed, fence, sku, node, channel, quantity, policy, seq, place)"
            " ORDER BY s.fence, s.place DESC) AS l WHERE NOT l.is_removed" } } },
    [OH_PG_SUPPLIES] = { "btttnzl",
        { { RUN_ALWAYS, "DELETE FROM onhand.supply WHERE supply = ANY ($2)" },
          { RUN_ALWAYS,
            "INSERT INTO onhand.supply (supply, sku, node, quantity, eta, seq)"
            " SELECT l.supply, l.sku, l.node, l.quantity, l.eta, l.seq"
            " FROM (SELECT DISTINCT ON (s.supply) s.*"
            " FROM unnest($1, $2, $3, $4, $5, $6, $7) WITH ORDINALITY"
            " AS s(is_removed, supply, sku, node, quantity, eta, seq, place)"
            " ORDER BY s.supply, s.place DESC) AS l WHERE NOT l.is_removed" } } },
    [OH_PG_POSTAL_CODES] = { "tttddl",
        { { RUN_ALWAYS,
            "INSERT INTO onhand.postal_code AS p (country, postal_code, place, latitude, longitude, seq)"
            " SELECT DISTINCT ON (s.country, s.postal_code)"
            " s.country, s.postal_code, s.place, s.latitude, s.longitude, s.seq"
            " FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY"
            " AS s(country, postal_code, place, latitude, longitude, seq, ordinal)"
            " ORDER BY s.country, s.postal_code, s.ordinal DESC"
            " ON CONFLICT (country, postal_code) DO UPDATE SET place = excluded.place,"
            " latitude = excluded.latitude, longitude = excluded.longitude, seq = excluded.seq" } } },
    [OH_PG_TRANSITS] = { "tttiill",
        { { RUN_ALWAYS,
            "INSERT INTO onhand.transit AS t (service, origin, destination, weekday, bucket, deliveries, seq)"
            " SELECT s.service, s.origin, s.destination, s.weekday, s.bucket, sum(s.deliveries), max(s.seq)"
            " FROM unnest($1, $2, $3, $4, $5, $6, $7) AS s(service, origin, destination, weekday, bucket, deliveries,"
            " seq) GROUP BY s.service, s.origin, s.destination, s.weekday, s.bucket"
            " ON CONFLICT (service, origin, destination, weekday, bucket) DO UPDATE SET"
            " deliveries = t.deliveries + excluded.deliveries, seq = excluded.seq" } } },
    [OH_PG_DOCUMENTS] = { "btttl",
        { { RUN_ALWAYS,
            "DELETE FROM onhand.document d USING unnest($2, $3) AS s(kind, id) WHERE d.kind = s.kind AND d.id = s.id" },
          { RUN_ALWAYS,
            "INSERT INTO onhand.document (kind, id, body, seq)"
            " SELECT l.kind, l.id, l.body, l.seq"
            " FROM (SELECT DISTINCT ON (s.kind, s.id) s.* FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY"
            " AS s(is_removed, kind, id, body, seq, place) ORDER BY s.kind, s.id, s.place DESC) AS l"
            " WHERE NOT l.is_removed" } } },
    [OH_PG_IMPORTS] = { "tlll",
        { { RUN_ALWAYS,
            "INSERT INTO onhand.import_progress AS i (import, rows, rejected, number)"
            " SELECT DISTINCT ON (s.import) s.import, s.row_count, s.rejected, s.number"
            " FROM unnest($1, $2, $3, $4) AS s(import, row_count, rejected, number)"
            " ORDER BY s.import, s.number DESC"
            " ON CONFLICT (import) DO UPDATE SET rows = excluded.rows, rejected = excluded.rejected,"
            " number = excluded.number" },
          { RUN_ALWAYS,
            "DELETE FROM onhand.import_progress WHERE number <="
            " (SELECT number FROM onhand.import_progress ORDER BY number DESC OFFSET 4096 LIMIT 1)" } } },
    [OH_PG_REPLACED] = { "t",
        { { RUN_ALWAYS, "DELETE FROM onhand.reservation r USING unnest($1) AS s(id) WHERE r.reservation = s.id" },
          { RUN_IF_CHANGED,
            "DELETE FROM onhand.reservation_line l USING unnest($1) AS s(id) WHERE l.reservation = s.id" },
          { RUN_ALWAYS, "DELETE FROM onhand.booking b USING unnest($1) AS s(id) WHERE b.reservation = s.id" },
          { RUN_ALWAYS, "DELETE FROM onhand.promise p USING unnest($1) AS s(id) WHERE p.reservation = s.id" } } },
    [OH_PG_RESERVATIONS] = { NULL,
        { { RUN_ALWAYS,
            "SAVEPOINT before_ids; COPY onhand.reservation (reservation, kind, channel, customer, order_ref, status,"
            " created_at, expires_at, ended_at, made_seq, seq) FROM STDIN (FORMAT binary)" } } },
    [OH_PG_CLAIMS] = { NULL,
        { { RUN_ALWAYS,
            "COPY onhand.reservation_line (reservation, line, sku, node, quantity, held, confirmed, fulfilled, expired,"
            " due_at, ordinal, seq) FROM STDIN (FORMAT binary)" } } },
    [OH_PG_BOOKINGS] = { "ttttzznll",
        { { RUN_ALWAYS, /* 0 is an end; what is booked afterwards is another */
            "DELETE FROM onhand.booking b"
            " USING unnest($1, $2, $3, $5, $7) AS s(reservation, node, resource, from_at, quantity)"
            " WHERE s.quantity = 0 AND b.reservation = s.reservation AND b.node = s.node AND b.resource = s.resource"
            " AND b.from_at = s.from_at" },
          { RUN_ALWAYS,
            "INSERT INTO onhand.booking AS b (reservation, node, resource, unit, from_at, until_at, quantity, ordinal,"
            " seq) SELECT DISTINCT ON (s.reservation, s.node, s.resource, s.from_at)"
            " s.reservation, s.node, s.resource, first_value(s.unit) OVER made, s.from_at,"
            " first_value(s.until_at) OVER made, s.quantity, first_value(s.ordinal) OVER made, s.seq"
            " FROM (SELECT x.*, max(x.place) FILTER (WHERE x.quantity = 0)"
            " OVER (PARTITION BY x.reservation, x.node, x.resource, x.from_at) AS ended"
            " FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) WITH ORDINALITY"
            " AS x(reservation, node, resource, unit, from_at, until_at, quantity, ordinal, seq, place)) AS s"
            " WHERE s.place > coalesce(s.ended, 0)"
            " WINDOW made AS (PARTITION BY s.reservation, s.node, s.resource, s.from_at ORDER BY s.place)"
            " ORDER BY s.reservation, s.node, s.resource, s.from_at, s.place DESC"
            " ON CONFLICT (reservation, node, resource, from_at) DO UPDATE SET quantity = excluded.quantity,"
            " seq = excluded.seq" } } },
    [OH_PG_PROMISES] = { "ttl",
        { { RUN_ALWAYS,
            "INSERT INTO onhand.promise AS p (reservation, body, seq)"
            " SELECT DISTINCT ON (s.reservation) s.reservation, s.body, s.seq"
            " FROM unnest($1, $2, $3) WITH ORDINALITY AS s(reservation, body, seq, place)"
            " ORDER BY s.reservation, s.place DESC"
            " ON CONFLICT (reservation) DO UPDATE SET body = excluded.body, seq = excluded.seq" } } },
    [OH_PG_CLAIMED] = { "ttnnl",
        { { RUN_ALWAYS,
            "UPDATE onhand.position p SET held = p.held + s.held, confirmed = p.confirmed + s.confirmed, seq = s.seq"
            " FROM unnest($1, $2, $3, $4, $5) AS s(sku, node, held, confirmed, seq)"
            " WHERE p.sku = s.sku AND p.node = s.node" },
          { RUN_IF_MISSING,
            "INSERT INTO onhand.position (sku, node, held, confirmed, seq)"
            " SELECT s.* FROM unnest($1, $2, $3, $4, $5) AS s(sku, node, held, confirmed, seq)"
            " WHERE NOT EXISTS (SELECT FROM onhand.position p WHERE p.sku = s.sku AND p.node = s.node)" } } },
    [OH_PG_POSITIONS] = { "ttnnnnn" "nnllb",
        { { RUN_ALWAYS,
            "MERGE INTO onhand.position p USING unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
            " AS s(sku, node, sellable, damaged, quality_control, display, returned, held, confirmed, seq,"
            " first_movement, has_forgotten)"
            " ON p.sku = s.sku AND p.node = s.node"
            " WHEN MATCHED THEN UPDATE SET sellable = p.sellable + s.sellable, damaged = p.damaged + s.damaged,"
            " quality_control = p.quality_control + s.quality_control, display = p.display + s.display,"
            " returned = p.returned + s.returned, held = p.held + s.held, confirmed = p.confirmed + s.confirmed,"
            " seq = s.seq, first_movement = least(p.first_movement, s.first_movement),"
            " has_forgotten = p.has_forgotten OR s.has_forgotten"
            " WHEN NOT MATCHED THEN INSERT (sku, node, sellable, damaged, quality_control, display, returned, held,"
            " confirmed, seq, first_movement, has_forgotten)"
            " VALUES (s.sku, s.node, s.sellable, s.damaged, s.quality_control, s.display, s.returned, s.held,"
            " s.confirmed, s.seq, s.first_movement, s.has_forgotten)" } } },
    [OH_PG_COUNTS] = { "tttzlntl",
        { { RUN_ALWAYS,
            "INSERT INTO onhand.position_count AS c (sku, node, state, as_of, source_seq, quantity, source, seq)"
            " SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)"
            " ON CONFLICT (sku, node, state) DO UPDATE SET as_of = excluded.as_of, source_seq = excluded.source_seq,"
            " quantity = excluded.quantity, source = excluded.source, seq = excluded.seq" } } },
    [OH_PG_CLAIM_STEPS] = { "titt" "nnnnnzll",
        { { RUN_ALWAYS, /* moved away whole */
            "DELETE FROM onhand.reservation_line l"
            " USING unnest($1, $2, $3, $4, $5) AS s(reservation, line, sku, node, quantity)"
            " WHERE l.reservation = s.reservation AND l.line = s.line AND l.sku = s.sku"
            " AND l.node IS NOT DISTINCT FROM s.node AND s.quantity < 0 AND l.quantity + s.quantity = 0" },
          { RUN_ALWAYS,
            "UPDATE onhand.reservation_line l SET quantity = l.quantity + s.quantity, held = l.held + s.held,"
            " confirmed = l.confirmed + s.confirmed, fulfilled = l.fulfilled + s.fulfilled,"
            " expired = l.expired + s.expired, seq = s.seq,"
            " due_at = CASE WHEN l.held + s.held + l.confirmed + s.confirmed > 0 THEN coalesce(l.due_at, s.due_at) END"
            " FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $12)"
            " AS s(reservation, line, sku, node, quantity, held, confirmed, fulfilled, expired, due_at, seq)"
            " WHERE l.reservation = s.reservation AND l.line = s.line AND l.sku = s.sku"
            " AND l.node IS NOT DISTINCT FROM s.node" },
          { RUN_IF_MISSING,
            "INSERT INTO onhand.reservation_line (reservation, line, sku, node, quantity, held, confirmed, fulfilled,"
            " expired, due_at, ordinal, seq)"
            " SELECT s.reservation, s.line, s.sku, s.node, s.quantity, s.held, s.confirmed, s.fulfilled, s.expired,"
            " CASE WHEN s.held + s.confirmed > 0 THEN s.due_at END, s.ordinal, s.seq"
            " FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
            " AS s(reservation, line, sku, node, quantity, held, confirmed, fulfilled, expired, due_at, ordinal, seq)"
            " WHERE s.quantity > 0 AND NOT EXISTS (SELECT FROM onhand.reservation_line l"
            " WHERE l.reservation = s.reservation AND l.line = s.line AND l.sku = s.sku"
            " AND l.node IS NOT DISTINCT FROM s.node)" } } },
    [OH_PG_STEPPED] = { "tlbzz",
        { { RUN_ALWAYS,
            "UPDATE onhand.reservation r SET seq = s.seq,"
            " expires_at = CASE WHEN s.is_extended THEN s.expires_at ELSE r.expires_at END,"
            " status = CASE WHEN l.held THEN 'held' WHEN l.confirmed THEN 'confirmed' WHEN l.fulfilled THEN 'fulfilled'"
            " WHEN l.expired THEN 'expired' ELSE 'released' END,"
            " ended_at = CASE WHEN r.ended_at IS NULL AND NOT l.held AND NOT l.confirmed THEN s.stepped_at"
            " ELSE r.ended_at END"
            " FROM unnest($1, $2, $3, $4, $5) AS s(reservation, seq, is_extended, expires_at, stepped_at)"
            " CROSS JOIN LATERAL (SELECT coalesce(bool_or(x.held > 0), false) AS held,"
            " coalesce(bool_or(x.confirmed > 0), false) AS confirmed,"
            " coalesce(bool_or(x.fulfilled > 0), false) AS fulfilled,"
            " coalesce(bool_or(x.expired > 0), false) AS expired"
            " FROM onhand.reservation_line x WHERE x.reservation = s.reservation) AS l"
            " WHERE r.reservation = s.reservation" } } },
    [OH_PG_FENCE_USES] = { "tttnl",
        { { RUN_ALWAYS,
            "UPDATE onhand.fence f SET quantity = greatest(0, f.quantity - u.quantity), seq = u.seq"
            " FROM (SELECT s.sku, s.node, r.channel, sum(s.quantity) AS quantity, max(s.seq) AS seq"
            " FROM unnest($1, $2, $3, $4, $5) AS s(reservation, sku, node, quantity, seq)"
            " JOIN onhand.reservation r ON r.reservation = s.reservation WHERE r.channel IS NOT NULL"
            " GROUP BY s.sku, s.node, r.channel) AS u"
            " WHERE f.sku = u.sku AND f.node = u.node AND f.channel = u.channel" } } },
    [OH_PG_MOVEMENTS] = { NULL,
        { { RUN_ALWAYS,
            "COPY onhand.movement (seq, ordinal, recorded_at, at, sku, node, state, kind, quantity, told, number,"
            " source, reason, reservation, line) FROM STDIN (FORMAT binary)" } } },
    [OH_PG_EVENTS] = { NULL,
        { { RUN_ALWAYS,
            "COPY onhand.reservation_event (seq, ordinal, at, reservation, line, sku, node, event, quantity, held,"
            " confirmed, expires_at) FROM STDIN (FORMAT binary)" } } },
    [OH_PG_KEYS] = { NULL,
        { { RUN_ALWAYS,
            "COPY onhand.idempotency_key (seq, ordinal, at, answer_seq, fingerprint, key, answer)"
            " FROM STDIN (FORMAT binary)" } } },
};

/* How many columns a row of a stream has. */
static const uint16_t stream_columns[OH_PG_SETS] = {
    [OH_PG_RESERVATIONS] = 11, [OH_PG_CLAIMS] = 12, [OH_PG_MOVEMENTS] = 15, [OH_PG_EVENTS] = 12, [OH_PG_KEYS] = 7,
};

/* ---- Rows -------------------------------------------------------------------------------------- */

static uint32_t type_of(char letter)
{
    switch (letter) {
    case 't':
        return OH_PG_TEXT;
    case 'i':
        return OH_PG_INT4;
    case 'l':
        return OH_PG_INT8;
    case 'b':
        return OH_PG_BOOL;
    case 'd':
        return OH_PG_FLOAT8;
    case 'z':
        return OH_PG_TIMESTAMPTZ;
    case 'n':
        return OH_PG_NUMERIC;
    default:
        OH_UNREACHABLE();
    }
}

static uint32_t column_count(enum oh_pg_set set)
{
    const char *columns = set_table[set].columns;
    return columns == NULL ? 0 : (uint32_t)strlen(columns);
}

enum oh_err oh_pg_sets_init(struct oh_pg_sets *sets)
{
    bool is_complete = true;
    for (unsigned i = 0; i < OH_PG_SETS; i++) {
        struct oh_pg_rows *rows = &sets->rows[i];
        rows->count = 0;
        oh_strbuf_init(&rows->stream, OH_PG_SET_SIZE_MAX);
        for (uint32_t column = 0; column < column_count((enum oh_pg_set)i); column++) {
            oh_pg_array_init(&rows->columns[column], type_of(set_table[i].columns[column]), OH_PG_SET_SIZE_MAX);
            is_complete = is_complete && !rows->columns[column].elements.is_overflowed;
        }
    }
    if (is_complete)
        return OH_OK;
    oh_pg_sets_fini(sets);
    return OH_E_NOMEM;
}

void oh_pg_sets_fini(struct oh_pg_sets *sets)
{
    for (unsigned i = 0; i < OH_PG_SETS; i++) {
        oh_strbuf_fini(&sets->rows[i].stream);
        for (uint32_t column = 0; column < column_count((enum oh_pg_set)i); column++)
            oh_pg_array_fini(&sets->rows[i].columns[column]);
    }
}

static void rows_clear(struct oh_pg_sets *sets, enum oh_pg_set set)
{
    struct oh_pg_rows *rows = &sets->rows[set];
    rows->count = 0;
    oh_strbuf_clear(&rows->stream);
    for (uint32_t column = 0; column < column_count(set); column++)
        oh_pg_array_clear(&rows->columns[column]);
}

void oh_pg_sets_clear(struct oh_pg_sets *sets)
{
    for (unsigned i = 0; i < OH_PG_SETS; i++)
        rows_clear(sets, (enum oh_pg_set)i);
}

struct oh_pg_array *oh_pg_sets_row(struct oh_pg_sets *sets, enum oh_pg_set set)
{
    sets->rows[set].count++;
    return sets->rows[set].columns;
}

struct oh_strbuf *oh_pg_sets_stream_row(struct oh_pg_sets *sets, enum oh_pg_set set)
{
    sets->rows[set].count++;
    oh_pg_row(&sets->rows[set].stream, stream_columns[set]);
    return &sets->rows[set].stream;
}

size_t oh_pg_sets_size(const struct oh_pg_sets *sets)
{
    size_t size = 0;
    for (unsigned i = 0; i < OH_PG_SETS; i++) {
        size += sets->rows[i].stream.size;
        for (uint32_t column = 0; column < column_count((enum oh_pg_set)i); column++)
            size += sets->rows[i].columns[column].elements.size;
    }
    return size;
}

/* ---- Sending ----------------------------------------------------------------------------------- */

static enum oh_err stream_send(const struct oh_pg_rows *rows, const char *sql, struct oh_pg *pg, struct oh_diag *diag)
{
    if (rows->stream.is_overflowed)
        return OH_E_TOO_LARGE;
    enum oh_err err = oh_pg_copy_in_begin(pg, sql, diag);
    if (err == OH_OK)
        err = oh_pg_copy_in_put(pg, oh_strbuf_bytes(&rows->stream), diag);
    return err == OH_OK ? oh_pg_copy_in_end(pg, diag) : err;
}

/* The columns as parameters; the same for each statement of a set. */
static enum oh_err parameters_take(struct oh_pg_rows *rows, uint32_t count, struct oh_pg_parameter *out)
{
    for (uint32_t i = 0; i < count; i++) {
        struct oh_pg_array *column = &rows->columns[i];
        OH_ASSERT(column->count == rows->count);
        out[i] = (struct oh_pg_parameter){ oh_pg_array_type(column->type), oh_pg_array_bytes(column) };
        if (out[i].value.data == NULL)
            return OH_E_TOO_LARGE;
    }
    return OH_OK;
}

static enum oh_err columns_send(struct oh_pg_rows *rows, enum oh_pg_set set, struct oh_pg *pg, struct oh_diag *diag)
{
    struct oh_pg_parameter parameters[OH_PG_SET_COLUMNS_MAX];
    uint32_t count = column_count(set);
    enum oh_err err = parameters_take(rows, count, parameters);
    uint64_t changed = 0;
    for (unsigned i = 0; err == OH_OK && i < STATEMENTS_MAX; i++) {
        const struct statement *statement = &set_table[set].statements[i];
        if (statement->sql == NULL)
            break;
        if ((statement->run == RUN_IF_CHANGED && changed == 0) ||
            (statement->run == RUN_IF_MISSING && changed >= rows->count))
            continue;
        err = oh_pg_query(pg, statement->sql, parameters, count, diag);
        changed = err == OH_OK ? oh_pg_changed_count(pg) : 0;
    }
    return err;
}

/*
 * That an id comes back is rare, and to look for each costs a tenth of all the time: so what is there of before is
 * removed only when PostgreSQL has found one.
 */
static enum oh_err reservations_send(struct oh_pg_sets *sets, struct oh_pg *pg, struct oh_diag *diag)
{
    const struct oh_pg_rows *rows = &sets->rows[OH_PG_RESERVATIONS];
    const char *copy_sql = set_table[OH_PG_RESERVATIONS].statements[0].sql;
    enum oh_err err = stream_send(rows, copy_sql, pg, diag);
    if (err == OH_E_REFUSED && strcmp(oh_pg_sqlstate(pg), UNIQUE_VIOLATION) == 0) {
        err = oh_pg_run(pg, "ROLLBACK TO before_ids", diag);
        if (err == OH_OK)
            err = columns_send(&sets->rows[OH_PG_REPLACED], OH_PG_REPLACED, pg, diag);
        if (err == OH_OK)
            err = stream_send(rows, copy_sql, pg, diag);
    }
    return err == OH_OK ? oh_pg_run(pg, "RELEASE before_ids", diag) : err;
}

/* The statements of one set that holds something. */
static enum oh_err set_send(struct oh_pg_sets *sets, enum oh_pg_set set, struct oh_pg *pg, struct oh_diag *diag)
{
    struct oh_pg_rows *rows = &sets->rows[set];
    if (set == OH_PG_REPLACED)
        return OH_OK; /* with the reservations */
    if (set == OH_PG_RESERVATIONS)
        return reservations_send(sets, pg, diag);
    if (set_table[set].columns == NULL)
        return stream_send(rows, set_table[set].statements[0].sql, pg, diag);
    return columns_send(rows, set, pg, diag);
}

enum oh_err oh_pg_sets_send(struct oh_pg_sets *sets, struct oh_pg *pg, struct oh_diag *diag)
{
    for (unsigned i = 0; i < OH_PG_SETS; i++) {
        enum oh_pg_set set = (enum oh_pg_set)i;
        enum oh_err err = sets->rows[i].count > 0 ? set_send(sets, set, pg, diag) : OH_OK;
        if (err != OH_OK)
            return err;
    }
    oh_pg_sets_clear(sets);
    return OH_OK;
}
