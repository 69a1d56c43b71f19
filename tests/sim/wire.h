/*
 * wire.h - between the model and the bytes: requests as HTTP text, and whether a reply says what the model says.
 *
 * Shares nothing with the server's own codec but cJSON, which both take from Debian.
 */
#ifndef ONHAND_TESTS_SIM_WIRE_H
#define ONHAND_TESTS_SIM_WIRE_H

#include "base/strbuf.h"
#include "sim/model.h"

#define WIRE_ID_SIZE        32
#define WIRE_IMPORT_ID_SIZE 65

/* Ids of reservations: what the client chose, mostly "R<number>", else what the server said. */
struct wire_ids {
    char text[MODEL_RESERVATIONS_MAX][WIRE_ID_SIZE];
};

void wire_put_request(struct oh_strbuf *out, const struct model_request *request, const struct wire_ids *ids);

bool wire_is_import(const struct model_request *request);

/* The id of import `number`: of 1 to 64 bytes, most of them short. */
void wire_import_id(uint32_t number, char out[WIRE_IMPORT_ID_SIZE]);

struct wire_reply {
    int status;
    bool is_replayed; /* Idempotency-Replayed: true */
    bool is_last;     /* Connection: close */
    struct oh_bytes body;
    size_t size; /* of head and body */
};

/* Reads one reply from the start of `bytes`. False: it is not whole yet. *out_is_wrong: it never will be. */
bool wire_get_reply(struct oh_bytes bytes, struct wire_reply *out, bool *out_is_wrong);

/*
 * Does the reply say what the model says? Learns the id of a reservation. Returns the reply's seq in *out_seq (0: it
 * has none), and false with a sentence in `why` when it differs.
 */
bool wire_check(const struct wire_reply *reply, const struct model_request *request,
                const struct model_answer *answer, struct wire_ids *ids, uint64_t *out_seq, char *why,
                size_t why_size);

/* The same of a batch: an answer per entry. */
bool wire_check_batch(const struct wire_reply *reply, const struct model_request *request,
                      const struct model_answer *answers, struct wire_ids *ids, uint64_t *out_seq, char *why,
                      size_t why_size);

/* The code of a refusal. */
#define WIRE_CODE_SIZE 32
void wire_refusal(const struct wire_reply *reply, char out[WIRE_CODE_SIZE]);

/* Reads the option, its picks and its bookings from what is kept with a promise. False: it does not say all that. */
bool wire_read_kept(struct oh_bytes kept, struct model_choice *out);

const char *wire_request_name(const struct model_request *request);

#endif
