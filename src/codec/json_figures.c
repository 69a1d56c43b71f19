#include "codec/json_figures.h"
#include "codec/decimal.h"
#include "codec/json_document.h"
#include "codec/time_text.h"
#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#define BOXES_MAX 1e9

/* ---- Texts ------------------------------------------------------------------------------------ */

/* Cut at `size`: what is written into these has been judged, and fits. */
static void text_set(char *out, size_t size, struct oh_bytes text)
{
    size_t kept = text.size < size ? text.size : size - 1;
    if (kept > 0)
        memcpy(out, text.data, kept);
    out[kept] = '\0';
}

static void nodes_add(struct oh_promise_figures *figures, struct oh_bytes node)
{
    size_t used = strlen(figures->nodes);
    if (used > 0 && used + 1 < sizeof(figures->nodes))
        figures->nodes[used++] = ',';
    text_set(figures->nodes + used, sizeof(figures->nodes) - used, node);
}

/* In metres, as precise as it is kept. */
static void distance_add(struct oh_promise_figures *figures, double km)
{
    if (km < 0 || figures->distance_m < 0)
        figures->distance_m = -1;
    else
        figures->distance_m += (int64_t)floor(km * 1000 + 0.5);
}

/* ---- Of an answer ----------------------------------------------------------------------------- */

void oh_promise_figures_of(const struct oh_promise_names *names, const struct oh_promise_answer *answer,
                           uint32_t option, struct oh_promise_figures *out)
{
    const struct oh_promise_option *of = &answer->options[option];
    char id[OH_OPTION_ID_SIZE];
    *out = (struct oh_promise_figures){ .from_us = of->from_us,
                                        .until_us = of->until_us,
                                        .is_complete = of->is_complete };
    text_set(out->option, sizeof(out->option), oh_option_id(names, answer, option, id));
    if (of->service != OH_INDEX_NONE)
        text_set(out->currency, sizeof(out->currency), names->timetable->services[of->service].currency);
    for (uint32_t i = 0; i < of->parcel_count; i++) {
        const struct oh_promise_parcel *parcel = &of->parcels[i];
        nodes_add(out, oh_node_name(names->ledger, parcel->node));
        distance_add(out, parcel->distance_km);
        out->cost_milli += parcel->cost_milli;
        out->box_count += parcel->box_count;
    }
}

/* ---- Of what was kept ------------------------------------------------------------------------- */

static bool parcel_read(const cJSON *parcel, struct oh_promise_figures *out)
{
    const cJSON *boxes = cJSON_GetObjectItemCaseSensitive(parcel, "boxes");
    const cJSON *cost = cJSON_GetObjectItemCaseSensitive(parcel, "cost");
    const cJSON *km = cJSON_GetObjectItemCaseSensitive(parcel, "distance_km");
    int64_t cost_milli;
    if (!cJSON_IsNumber(boxes) || boxes->valuedouble < 0 || boxes->valuedouble > BOXES_MAX || !cJSON_IsNumber(cost) ||
        oh_milli_from_double(cost->valuedouble, &cost_milli) != OH_OK)
        return false;
    nodes_add(out, oh_json_text_of(parcel, "node"));
    distance_add(out, cJSON_IsNumber(km) ? km->valuedouble : -1);
    out->box_count += (uint64_t)boxes->valuedouble;
    out->cost_milli += cost_milli;
    return true;
}

static bool promised_read(const cJSON *promised, struct oh_promise_figures *out)
{
    const cJSON *parcels = cJSON_GetObjectItemCaseSensitive(promised, "parcels");
    *out = (struct oh_promise_figures){
        .is_complete = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(promised, "complete")) != 0
    };
    text_set(out->option, sizeof(out->option), oh_json_text_of(promised, "option"));
    text_set(out->currency, sizeof(out->currency), oh_json_text_of(promised, "currency"));
    if (oh_time_parse(oh_json_text_of(promised, "from"), &out->from_us) != OH_OK ||
        oh_time_parse(oh_json_text_of(promised, "until"), &out->until_us) != OH_OK || !cJSON_IsArray(parcels))
        return false;
    for (const cJSON *parcel = parcels->child; parcel != NULL; parcel = parcel->next) {
        if (!parcel_read(parcel, out))
            return false;
    }
    return parcels->child != NULL;
}

/*
 * The question is kept as its bytes were, as the last member. Its name with bare quotes is in no text of what comes
 * before, where quotes are escaped, and what comes before has no member of that name.
 */
static bool question_find(struct oh_bytes kept, struct oh_bytes *out)
{
    static const char name[] = ",\"request\":";
    const size_t size = sizeof(name) - 1;
    for (size_t i = 0; i + size < kept.size; i++) {
        if (memcmp(kept.data + i, name, size) == 0) {
            *out = (struct oh_bytes){ kept.data + i + size, kept.size - i - size - 1 };
            return true;
        }
    }
    return false;
}

bool oh_promise_figures_kept(struct oh_json_document *document, struct oh_bytes kept, struct oh_promise_figures *out,
                             struct oh_bytes *out_question)
{
    struct oh_fault fault;
    const cJSON *root;
    oh_json_document_clear(document);
    bool is_read = kept.size > 0 && oh_json_document_parse(document, kept, &root, &fault) == OH_OK &&
                   promised_read(cJSON_GetObjectItemCaseSensitive(root, "promised"), out) &&
                   question_find(kept, out_question);
    oh_json_document_clear(document);
    return is_read;
}

bool oh_promise_figures_equal(const struct oh_promise_figures *a, const struct oh_promise_figures *b)
{
    return strcmp(a->option, b->option) == 0 && strcmp(a->nodes, b->nodes) == 0 &&
           strcmp(a->currency, b->currency) == 0 && a->from_us == b->from_us && a->until_us == b->until_us &&
           a->cost_milli == b->cost_milli && a->distance_m == b->distance_m && a->box_count == b->box_count &&
           a->is_complete == b->is_complete;
}
