/*
 * wire_internal.h - what wire.c and wire_promise.c share. Not for anyone else.
 */
#ifndef ONHAND_TESTS_SIM_WIRE_INTERNAL_H
#define ONHAND_TESTS_SIM_WIRE_INTERNAL_H

#include "sim/wire.h"
#include <cjson/cJSON.h>

/* ---- wire.c ---- */

/* One reply, or one entry of a batch, beside what it must say. The first difference is kept. */
struct check {
    const struct model_request *request;
    const struct model_answer *answer;
    struct wire_ids *ids;
    char *why;
    size_t why_size;
    bool is_fine;
};

__attribute__((format(printf, 2, 3))) void wire_differ(struct check *check, const char *format, ...);
void wire_same_milli(struct check *check, const char *what, int64_t got, int64_t wanted);
void wire_same_text(struct check *check, const char *what, const char *got, const char *wanted);
void wire_check_expiry(struct check *check, const cJSON *body);

void wire_put_milli(struct oh_strbuf *out, int64_t milli);
void wire_put_time(struct oh_strbuf *out, int64_t us);

/* Members of an object; what is not there is 0, "" or MODEL_NONE. */
int64_t wire_milli_of(const cJSON *object, const char *name);
const char *wire_text_of(const cJSON *object, const char *name);
uint32_t wire_number_of(const cJSON *object, const char *name);
uint32_t wire_index_of(const cJSON *object, const char *name); /* "n3" -> 3 */
int64_t wire_time_of(const char *text);

/* ---- wire_promise.c ---- */

void wire_put_document_target(struct oh_strbuf *out, const struct model_request *request);
void wire_put_hold(struct oh_strbuf *out, const struct model_request *request, const struct wire_ids *ids);
void wire_put_replace(struct oh_strbuf *out, const struct model_request *request, const struct wire_ids *ids);
void wire_put_question(struct oh_strbuf *out, const struct model_request *request);
void wire_put_deliveries(struct oh_strbuf *out, const struct model_request *request);

void wire_check_kept(struct check *check, const cJSON *body, struct oh_bytes text);
void wire_check_options(struct check *check, const cJSON *body);
void wire_check_document(struct check *check, struct oh_bytes text);
void wire_check_reports(struct check *check, const cJSON *body);
void wire_check_booked(struct check *check, const cJSON *body);
void wire_check_refusal(struct check *check, int status, const cJSON *body);

#endif
