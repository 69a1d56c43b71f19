#include "sim/script.h"
#include "base/assert.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_SIZE_MAX ((size_t)16 << 20)
#define BODY_SIZE_MAX ((size_t)256 << 10)
#define BULK_ENTRIES  300u /* about 45 KiB of journal: two of them are a snapshot */
#define SECOND_US     INT64_C(1000000)

#define JSON   "Content-Type: application/json\r\n"
#define CSV    "Content-Type: text/csv\r\nImport-Id: "
#define NDJSON "Content-Type: application/x-ndjson\r\nImport-Id: "
#define PAST   "2024-05-01T10:00:00Z"

struct line {
    enum step_type type;
    int status;
    const char *method;
    const char *target;
    const char *headers;
    const char *body; /* NULL: none */
};

/* clang-format off */
static const struct line first_life[] = {
    { STEP_READ,   200, "GET",  "/healthz", "", NULL },
    { STEP_WRITE,  201, "PUT",  "/v1/nodes/n1", JSON, "{\"type\":\"store\",\"lat\":48,\"lon\":2,\"collects\":true}" },
    { STEP_WRITE,  201, "PUT",  "/v1/nodes/n2", JSON,
      "{\"type\":\"warehouse\",\"lat\":47,\"lon\":3,\"collects\":true}" },
    { STEP_WRITE,  201, "PUT",  "/v1/items/A", JSON, "{\"name\":\"item \\u0041\",\"gtin\":\"4006381333931\"}" },
    { STEP_IMPORT, 200, "POST", "/v1/import/nodes", CSV "nodes\r\n", "node,type,lat,lon\nn3,store,46,4\n,store,1,1\n" },
    { STEP_IMPORT, 200, "POST", "/v1/import/items", NDJSON "items\r\n",
      "{\"sku\":\"B\"}\n{\"sku\":\"C\",\"name\":\"c\"}\n{\"sku\":\"D\"}\nnot a row\n{\"sku\":\"E\"}\n" },
    { STEP_IMPORT, 200, "POST", "/v1/import/groups", CSV "groups\r\n", "group,node\ng,n1\ng,n2\ng,nowhere\n" },
    { STEP_IMPORT, 200, "POST", "/v1/import/postal_codes", CSV "codes\r\n",
      "country,postal_code,place,lat,lon\nFR,69003,Lyon,45.7606,4.8589\n" },
    { STEP_WRITE,  201, "PUT",  "/v1/groups/h", JSON, "{\"nodes\":[\"n2\",\"n1\"]}" },
    { STEP_WRITE,  201, "PUT",  "/v1/channels/web", JSON, "{\"policy\":\"priority\",\"groups\":[\"g\"]}" },
    { STEP_WRITE,  201, "PUT",  "/v1/rules/r1", JSON, "{\"sku\":\"C\",\"node\":\"n1\",\"safety_stock\":1}" },
    { STEP_WRITE,  201, "PUT",  "/v1/rules/r2", JSON, "{\"sku\":\"D\",\"threshold\":1,\"low_stock\":3}" },
    { STEP_WRITE,  200, "DELETE", "/v1/rules/r2", "", NULL },
    { STEP_IMPORT, 200, "POST", "/v1/import/stock", CSV "stock\r\n",
      "sku,node,quantity,as_of\nA,n1,50," PAST "\nA,n2,50," PAST "\nunknown,n1,1," PAST "\nB,n1,20," PAST "\n" },
    { STEP_IMPORT, 200, "POST", "/v1/import/supplies", CSV "supplies\r\n",
      "supply,sku,node,quantity,eta\ns1,A,n1,5,2040-01-01T00:00:00Z\n" },
    { STEP_WRITE,  200, "POST", "/v1/stock/adjust", JSON,
      "{\"source\":\"till\",\"entries\":[{\"id\":\"sale\",\"sku\":\"A\",\"node\":\"n1\","
      "\"quantity\":-3,\"reason\":\"sale\"},"
      "{\"sku\":\"B\",\"node\":\"n2\",\"quantity\":4,\"reason\":\"receipt\"}]}" },
    { STEP_WRITE,  200, "POST", "/v1/stock/sync", JSON,
      "{\"source\":\"count\",\"entries\":[{\"sku\":\"C\",\"node\":\"n1\",\"quantity\":7,\"as_of\":\"" PAST "\"}]}" },
    { STEP_WRITE,  201, "PUT",  "/v1/fences/f1", JSON,
      "{\"channel\":\"web\",\"sku\":\"B\",\"node\":\"n2\",\"quantity\":2,\"policy\":\"regular\"}" },
    { STEP_WRITE,  201, "POST", "/v1/reservations", JSON,
      "{\"id\":\"R1\",\"kind\":\"cart\",\"channel\":\"web\",\"customer\":\"c1\",\"ttl_seconds\":80000,\"lines\":["
      "{\"line\":1,\"sku\":\"A\",\"quantity\":2,\"node\":\"n1\"},"
      "{\"line\":2,\"sku\":\"B\",\"quantity\":1,\"node\":\"n1\"}]}" },
    { STEP_WRITE,  201, "POST", "/v1/reservations", JSON,
      "{\"id\":\"R2\",\"kind\":\"collect\",\"channel\":\"web\",\"order\":\"o2\",\"ttl_seconds\":80000,\"lines\":["
      "{\"line\":1,\"sku\":\"A\",\"quantity\":3,\"node\":\"n2\"}]}" },
    { STEP_WRITE,  201, "POST", "/v1/reservations", JSON,
      "{\"id\":\"R3\",\"kind\":\"staff\",\"channel\":\"web\",\"ttl_seconds\":80000,\"lines\":["
      "{\"line\":1,\"sku\":\"A\",\"quantity\":4,\"node\":\"n1\"}]}" },
    { STEP_RECONNECT, 0, NULL, NULL, NULL, NULL },
    { STEP_BATCH,  200, "POST", "/v1/reservations/batch", JSON,
      "{\"reservations\":[{\"id\":\"R4\",\"kind\":\"cart\",\"channel\":\"web\",\"ttl_seconds\":80000,\"lines\":["
      "{\"line\":1,\"sku\":\"B\","
      "\"quantity\":1,\"node\":\"n1\"}]},{\"id\":\"R5\",\"kind\":\"cart\",\"channel\":\"web\","
      "\"ttl_seconds\":60,\"lines\":[{\"line\":1,\"sku\":\"B\",\"quantity\":1,\"group\":\"g\"}]}]}" },
    { STEP_READ,   409, "POST", "/v1/reservations", JSON,
      "{\"kind\":\"cart\",\"channel\":\"web\",\"lines\":[{\"sku\":\"C\",\"quantity\":1000,\"node\":\"n1\"}]}" },
    { STEP_READ,   400, "POST", "/v1/reservations", JSON, "{\"kind\":\"cart\",\"channel\":\"web\",\"lines\":[}" },
    { STEP_WRITE,  200, "POST", "/v1/reservations/R1/confirm", JSON, "{}" },
    { STEP_WRITE,  200, "POST", "/v1/reservations/R2/extend", JSON, "{\"ttl_seconds\":90000}" },
    { STEP_WRITE,  200, "POST", "/v1/reservations/R2/change", JSON,
      "{\"lines\":[{\"line\":1,\"node\":\"n2\",\"quantity\":2}]}" },
    { STEP_WRITE,  200, "POST", "/v1/reservations/R3/move", JSON,
      "{\"lines\":[{\"line\":1,\"node\":\"n1\",\"to_node\":\"n2\",\"quantity\":4}]}" },
    { STEP_WRITE,  200, "POST", "/v1/reservations/R1/fulfil", JSON,
      "{\"lines\":[{\"line\":1,\"node\":\"n1\",\"quantity\":2}]}" },
    { STEP_WRITE,  200, "POST", "/v1/reservations/R4/release", JSON, "{}" },
};

#define BASKET(quantity) \
    "{\"channel\":\"web\",\"destination\":{\"country\":\"FR\",\"postal_code\":\"69003\"}," \
    "\"lines\":[{\"sku\":\"A\",\"quantity\":" quantity "}]"
#define HOLD(id, quantity, ttl) \
    BASKET(quantity) ",\"hold\":{\"id\":\"" id "\",\"ttl_seconds\":" ttl ",\"select\":\"ship/swift\"}}"

/* Documents of every kind, supplies, and promises that are held, sourced anew, refused, and left to expire. */
static const struct line promises[] = {
    { STEP_WRITE,  201, "PUT",  "/v1/calendars/days", JSON,
      "{\"weekly_off\":[\"sun\"],\"days_off\":[\"2027-01-01\"],\"days_on\":[\"2027-01-03\"]}" },
    { STEP_WRITE,  201, "PUT",  "/v1/calendars/unused", JSON, "{\"weekly_off\":[\"mon\"]}" },
    { STEP_WRITE,  200, "DELETE", "/v1/calendars/unused", "", NULL },
    { STEP_WRITE,  201, "PUT",  "/v1/zones/near", JSON,
      "{\"matches\":[{\"country\":\"FR\",\"postal_prefixes\":[\"69\"]}]}" },
    { STEP_WRITE,  201, "PUT",  "/v1/services/swift", JSON,
      "{\"time_zone\":\"Europe/Paris\",\"delivery_calendar\":\"days\",\"transit\":[{\"zone\":\"near\",\"hours\":24}],"
      "\"slots\":[{\"from\":\"08:00\",\"to\":\"20:00\",\"limit\":3}],\"cost\":[{\"zone\":\"near\",\"amount\":3}],"
      "\"accounts\":[{\"account\":\"first\",\"nodes\":[\"n1\",\"n2\"],\"daily_parcels\":9}]}" },
    { STEP_WRITE,  201, "PUT",  "/v1/nodes/n1/schedule", JSON,
      "{\"time_zone\":\"Europe/Paris\",\"priority\":1,\"calendar\":\"days\","
      "\"hours\":[{\"from\":\"08:00\",\"to\":\"20:00\"}],"
      "\"processing_minutes\":{\"default\":30},\"cutoffs\":[{\"at\":\"16:00\"}],"
      "\"capacity\":{\"unit\":\"units\",\"windows\":[{\"from\":\"08:00\",\"to\":\"20:00\",\"limit\":9}]},"
      "\"pickups\":[{\"service\":\"swift\",\"at\":\"18:00\"}]}" },
    { STEP_WRITE,  201, "PUT",  "/v1/nodes/n2/schedule", JSON,
      "{\"time_zone\":\"Europe/Paris\",\"priority\":2,"
      "\"capacity\":{\"unit\":\"orders\",\"windows\":[{\"from\":\"00:00\",\"to\":\"24:00\",\"limit\":9}]},"
      "\"pickups\":[{\"service\":\"swift\",\"at\":\"18:00\"}]}" },
    { STEP_WRITE,  201, "PUT",  "/v1/lanes/l", JSON,
      "{\"from\":\"n2\",\"to\":\"n1\",\"departures\":[{\"at\":\"10:00\"}],\"transit_minutes\":60}" },
    { STEP_WRITE,  201, "PUT",  "/v1/channels/web/sourcing", JSON,
      "{\"objective\":[\"complete\",\"priority\"],\"services\":[\"swift\"],\"collect\":{\"stores_max\":2}}" },
    { STEP_WRITE,  201, "PUT",  "/v1/supplies/s2", JSON,
      "{\"sku\":\"A\",\"node\":\"n2\",\"quantity\":9,\"eta\":\"2040-01-02T00:00:00Z\"}" },
    { STEP_WRITE,  200, "PUT",  "/v1/supplies/s2", JSON,
      "{\"sku\":\"A\",\"node\":\"n1\",\"quantity\":8,\"eta\":\"2040-01-03T00:00:00Z\"}" },
    { STEP_WRITE,  201, "PUT",  "/v1/supplies/s3", JSON,
      "{\"sku\":\"B\",\"node\":\"n2\",\"quantity\":1,\"eta\":\"2040-01-02T00:00:00Z\"}" },
    { STEP_WRITE,  200, "DELETE", "/v1/supplies/s3", "", NULL },
    { STEP_READ,   200, "POST", "/v1/promises", JSON, BASKET("1") ",\"explain\":\"full\"}" },
    { STEP_READ,   200, "POST", "/v1/promises", JSON,
      "{\"channel\":\"web\",\"destination\":{\"lat\":46,\"lon\":4},\"separately\":true,"
      "\"lines\":[{\"sku\":\"A\",\"quantity\":1},{\"sku\":\"B\",\"quantity\":2}]}" },
    { STEP_WRITE,  201, "POST", "/v1/promises", JSON, HOLD("P1", "3", "80000") },
    { STEP_WRITE,  201, "POST", "/v1/promises", JSON, HOLD("P2", "2", "80000") },
    { STEP_WRITE,  201, "POST", "/v1/promises", JSON, HOLD("P3", "1", "60") },
    { STEP_READ,   409, "POST", "/v1/promises", JSON, BASKET("100000") ",\"hold\":{\"ttl_seconds\":60}}" },
    { STEP_WRITE,  200, "POST", "/v1/promises", JSON,
      "{\"replace\":{\"reservation\":\"P2\",\"without\":[\"n1\"]},\"hold\":{}}" },
    { STEP_WRITE,  200, "POST", "/v1/reservations/P1/confirm", JSON, "{}" },
    { STEP_WRITE,  200, "POST", "/v1/reservations/P1/fulfil", JSON,
      "{\"lines\":[{\"line\":1,\"node\":\"n1\",\"quantity\":1}]}" },
    { STEP_WRITE,  201, "POST", "/v1/promises", JSON, HOLD("P5", "1", "80000") },
    { STEP_WRITE,  200, "POST", "/v1/reservations/P5/release", JSON, "{}" },
    { STEP_WRITE,  200, "POST", "/v1/deliveries", JSON,
      "{\"reports\":[{\"id\":\"d1\",\"service\":\"swift\",\"origin_region\":\"FR-75\",\"destination_region\":\"FR-69\","
      "\"handed_over_at\":\"" PAST "\",\"delivered_at\":\"2024-05-02T10:00:00Z\"}]}" },
};

static const struct line questions[] = {
    { STEP_READ, 200, "GET", "/v1/availability/A?channel=web&explain=true", "", NULL },
    { STEP_READ, 200, "GET", "/v1/availability/A?near=FR:69003&limit=2", "", NULL },
    { STEP_READ, 200, "POST", "/v1/availability", JSON,
      "{\"skus\":[\"A\",\"B\",\"C\",\"D\",\"E\"],\"nodes\":[\"n1\",\"n2\",\"n3\"]}" },
    { STEP_READ, 200, "POST", "/v1/availability", JSON, "{\"skus\":[\"A\",\"B\"],\"channel\":\"web\"}" },
    { STEP_READ, 200, "GET", "/v1/stock/A", "", NULL },
    { STEP_READ, 200, "GET", "/v1/stock/B/n1", "", NULL },
    { STEP_READ, 200, "GET", "/v1/stock/B/n2", "", NULL },
    { STEP_READ, 200, "GET", "/v1/stock/C/n1", "", NULL },
    { STEP_READ, 200, "GET", "/v1/stock/E/n1", "", NULL },
    { STEP_READ, 200, "GET", "/v1/reservations/R1", "", NULL },
    { STEP_READ, 200, "GET", "/v1/reservations?customer=c1", "", NULL },
    { STEP_READ, 200, "GET", "/v1/reservations?limit=3", "", NULL },
    { STEP_READ, 200, "GET", "/v1/nodes?limit=2", "", NULL },
    { STEP_READ, 200, "GET", "/v1/items?limit=2", "", NULL },
    { STEP_READ, 200, "GET", "/v1/groups", "", NULL },
    { STEP_READ, 200, "GET", "/v1/channels", "", NULL },
    { STEP_READ, 200, "GET", "/v1/rules/r1", "", NULL },
    { STEP_READ, 200, "GET", "/v1/fences/f1", "", NULL },
    { STEP_READ, 200, "GET", "/v1/supplies/s1", "", NULL },
    { STEP_READ, 200, "GET", "/v1/supplies/s2", "", NULL },
    { STEP_READ, 404, "GET", "/v1/supplies/s3", "", NULL },
    { STEP_READ, 200, "GET", "/v1/availability/A?channel=web&by=2040-02-01T00:00:00Z", "", NULL },
    { STEP_READ, 200, "GET", "/v1/calendars", "", NULL },
    { STEP_READ, 200, "GET", "/v1/zones/near", "", NULL },
    { STEP_READ, 200, "GET", "/v1/services/swift", "", NULL },
    { STEP_READ, 200, "GET", "/v1/nodes/n1/schedule", "", NULL },
    { STEP_READ, 200, "GET", "/v1/lanes/l", "", NULL },
    { STEP_READ, 200, "GET", "/v1/channels/web/sourcing", "", NULL },
    { STEP_READ, 200, "GET", "/v1/promises/P1", "", NULL },
    { STEP_READ, 200, "GET", "/v1/promises/P2", "", NULL },
    { STEP_READ, 200, "GET", "/v1/reservations/P2", "", NULL },
    { STEP_READ, 200, "GET", "/v1/reservations/P3", "", NULL },
    { STEP_READ, 404, "GET", "/v1/rules/r2", "", NULL },
    { STEP_READ, 404, "GET", "/nothing", "", NULL },
    { STEP_READ, 405, "DELETE", "/v1/stock/A", "", NULL },
    { STEP_READ, 200, "GET", "/readyz", "", NULL },
};
/* clang-format on */

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

static struct step *step_add(struct script *script, enum step_type type)
{
    OH_ASSERT(script->count < SCRIPT_STEPS_MAX);
    struct step *step = &script->steps[script->count++];
    *step = (struct step){ .type = type };
    return step;
}

static void pass_add(struct script *script, int64_t us)
{
    step_add(script, STEP_PASS)->pass_us = us;
}

/* An import comes in chunks, anything else with its length. */
static void request_add(struct script *script, const struct line *line, struct oh_bytes body)
{
    struct step *step = step_add(script, line->type);
    struct oh_strbuf *text = &script->text;
    size_t start = text->size;
    step->status = line->status;
    (void)snprintf(step->name, sizeof(step->name), "%s %s", line->method, line->target);
    oh_strbuf_printf(text, "%s %s HTTP/1.1\r\nHost: shop\r\n%s", line->method, line->target, line->headers);
    if (step_is_write(step) && line->type != STEP_IMPORT)
        oh_strbuf_printf(text, "Idempotency-Key: %s%u\r\n", script->prefix, script->count);
    if (line->type == STEP_IMPORT) {
        size_t half = body.size / 2;
        oh_strbuf_printf(text, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", half);
        oh_strbuf_put(text, body.data, half);
        oh_strbuf_printf(text, "\r\n%zx\r\n", body.size - half);
        oh_strbuf_put(text, body.data + half, body.size - half);
        oh_strbuf_put_text(text, "\r\n0\r\n\r\n");
    } else if (body.data != NULL) {
        oh_strbuf_printf(text, "Content-Length: %zu\r\n\r\n", body.size);
        oh_strbuf_put_bytes(text, body);
    } else {
        oh_strbuf_put_text(text, "\r\n");
    }
    OH_ASSERT(!text->is_overflowed);
    step->request = (struct oh_bytes){ text->data + start, text->size - start };
}

static void lines_add(struct script *script, const struct line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (lines[i].method == NULL)
            (void)step_add(script, lines[i].type);
        else
            request_add(script, &lines[i],
                        lines[i].body == NULL ? OH_BYTES_NONE : oh_bytes_of(lines[i].body));
    }
}

/* Stock comes in, one by one. */
static void bulk_add(struct script *script, const char *sku, const char *node)
{
    static const struct line line = { STEP_WRITE, 200, "POST", "/v1/stock/adjust", JSON, NULL };
    struct oh_strbuf body;
    oh_strbuf_init(&body, BODY_SIZE_MAX);
    oh_strbuf_put_text(&body, "{\"source\":\"bulk\",\"entries\":[");
    for (uint32_t i = 0; i < BULK_ENTRIES; i++)
        oh_strbuf_printf(&body, "%s{\"sku\":\"%s\",\"node\":\"%s\",\"quantity\":1,\"reason\":\"%0128u\"}",
                         i == 0 ? "" : ",", sku, node, i);
    oh_strbuf_put_text(&body, "]}");
    request_add(script, &line, oh_strbuf_bytes(&body));
    oh_strbuf_fini(&body);
}

/* Text that grows moves: the requests lie where it ends up only if it has its size from the start. */
static void script_init(struct script *script, const char *prefix)
{
    *script = (struct script){ .prefix = prefix };
    oh_strbuf_init(&script->text, TEXT_SIZE_MAX);
    char *start = oh_strbuf_reserve(&script->text, TEXT_SIZE_MAX);
    OH_ASSERT(start != NULL);
}

static void questions_add(struct script *script)
{
    static const struct line metrics = { STEP_READ, 200, "GET", "/metrics", "", NULL };
    static const struct line openapi = { STEP_SLOW, 200, "GET", "/openapi.json", "", NULL };
    lines_add(script, questions, COUNT_OF(questions));
    request_add(script, &metrics, OH_BYTES_NONE);
    request_add(script, &openapi, OH_BYTES_NONE);
}

void script_make(struct script *script)
{
    script_init(script, "k");
    lines_add(script, first_life, COUNT_OF(first_life));
    lines_add(script, promises, COUNT_OF(promises));
    questions_add(script);
    pass_add(script, 100 * SECOND_US); /* the hold R5 is over; a proof frame is due */
    for (int i = 0; i < 3; i++)
        bulk_add(script, "E", "n1");
    (void)step_add(script, STEP_RESTART);
    for (int i = 0; i < 4; i++)
        bulk_add(script, "E", "n1");
    (void)step_add(script, STEP_POWER_LOSS);
    questions_add(script);
}

void script_make_filling(struct script *script, uint32_t count)
{
    static const struct line needed[] = {
        { STEP_WRITE, 201, "PUT", "/v1/nodes/n0", JSON, "{\"type\":\"store\"}" },
        { STEP_WRITE, 201, "PUT", "/v1/items/F", JSON, "{}" },
    };
    script_init(script, "f");
    lines_add(script, needed, COUNT_OF(needed));
    for (uint32_t i = 0; i < count; i++)
        bulk_add(script, "F", "n0");
}

void script_fini(struct script *script)
{
    oh_strbuf_fini(&script->text);
}
