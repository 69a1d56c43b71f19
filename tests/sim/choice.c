/*
 * choice.c - what the server made of a promise that is held or replaced, read off its ledger once it is applied.
 *
 * Which way to have a basket is best the model does not say. It takes the way that was chosen and says whether
 * there may be such a one; the reply, which may be lost in a crash, has to say the same.
 */
#include "base/assert.h"
#include "sim/run_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A reservation of a client that the model knows by another number. */
static bool is_known(const struct run *run, const char *id)
{
    for (uint32_t i = 0; i < run->workload.reservations; i++) {
        if (strcmp(run->ids->text[i], id) == 0)
            return true;
    }
    return false;
}

/* The id that the server made has the seq of its record in it, and a number behind it when a client has taken that. */
static bool made_find(const struct run *run, uint64_t seq, struct oh_reservation_id *out_reservation)
{
    char id[WIRE_ID_SIZE];
    for (uint32_t i = 0; i < 10; i++) {
        int size = snprintf(id, sizeof(id), "r%" PRIu64, seq);
        if (i > 0)
            (void)snprintf(id + size, sizeof(id) - (size_t)size, "-%u", i);
        if (!is_known(run, id) && oh_reservation_find(run->world.ledger, oh_bytes_of(id), out_reservation))
            return true;
    }
    return false;
}

static bool reservation_find(const struct run *run, const struct model_request *request, uint64_t seq,
                             struct oh_reservation_id *out_reservation)
{
    const char *id = run->ids->text[request->reservation];
    if (request->type == MODEL_HOLD && !request->has_own_id)
        return made_find(run, seq, out_reservation);
    return oh_reservation_find(run->world.ledger, oh_bytes_of(id), out_reservation);
}

static uint8_t node_number(const struct run *run, struct oh_node_id node)
{
    return node.index == OH_NODE_NONE
               ? MODEL_NONE
               : (uint8_t)strtoul(oh_node_name(run->world.ledger, node).data + 1, NULL, 10);
}

static void claims_read(const struct run *run, struct oh_reservation_id reservation, int64_t now_us,
                        struct model_choice *out)
{
    struct oh_claim_view views[MODEL_PARTS_MAX];
    out->claim_count =
        oh_reservation_claims(run->world.ledger, reservation, now_us, 0, MODEL_PARTS_MAX, views);
    for (uint32_t i = 0; i < out->claim_count; i++)
        out->claims[i] = (struct model_claim_view){ views[i].line, node_number(run, views[i].node),
                                                    views[i].quantity_milli, views[i].held_milli,
                                                    views[i].confirmed_milli };
}

static void text_keep(struct model_choice *choice, const struct oh_reservation_view *view)
{
    size_t size = view->promise.size < 2 ? 0 : view->promise.size - 2;
    choice->kept = calloc(1, size + 1);
    OH_ASSERT(choice->kept != NULL && view->id.size < sizeof(choice->id));
    memcpy(choice->kept, view->promise.data + 1, size);
    memcpy(choice->id, view->id.data, view->id.size);
}

void run_choice_take(struct run *run, const struct sim_read *read)
{
    const struct model_request *request = &run->ops[run->flights[read->number].op].request;
    struct oh_reservation_id reservation;
    struct oh_reservation_view view;
    if ((request->type != MODEL_HOLD && request->type != MODEL_REPLACE) || read->has_no_room)
        return;
    struct model_choice *choice = calloc(1, sizeof(*choice));
    OH_ASSERT(choice != NULL && run->choice_count < CHOICES_MAX && !read->is_joined);
    run->choices[run->choice_count++] = choice;
    run->flights[read->number].choice = choice;
    choice->has_record = read->seq_after != read->seq_before;
    if (!reservation_find(run, request, read->seq_after, &reservation))
        return;
    oh_reservation_get(run->world.ledger, reservation, read->now_us, &view);
    choice->is_there = true;
    claims_read(run, reservation, read->now_us, choice);
    if (oh_bytes_is_empty(view.promise))
        return;
    choice->is_readable = wire_read_kept(view.promise, choice);
    text_keep(choice, &view);
}

void run_choices_free(struct run *run)
{
    for (uint32_t i = 0; i < run->choice_count; i++) {
        free(run->choices[i]->kept);
        free(run->choices[i]);
    }
}
