/*
 * model_capacity.c - what is booked: lists of bookings, each followed down to its claims for every question
 * (promise.md, CA1 to CA5).
 */
#include "sim/model_internal.h"
#include <stddef.h>
#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)

/* CA4 */
int64_t model_booking_left(const struct model *model, const struct model_booking *booking)
{
    int64_t units = 0, lines = 0;
    for (uint32_t link = model->reservations[booking->reservation].first; link != 0;
         link = model->claims[link - 1].next_of_reservation) {
        const struct model_claim *claim = &model->claims[link - 1];
        int64_t live = model_held_of(model, claim) + claim->confirmed + claim->fulfilled;
        if (claim->node != booking->node || live == 0)
            continue;
        units += live;
        lines += 1000;
    }
    if (booking->unit == MODEL_LINES)
        return smaller(lines, booking->milli);
    if (booking->unit == MODEL_UNITS)
        return smaller(units, booking->milli);
    return units == 0 ? 0 : booking->milli;
}

/* L29: and whether that is known, since a hold that ran out ended when that was written down. */
static bool is_forgotten(const struct model *model, const struct model_booking *booking, bool *is_certain)
{
    const struct model_reservation *of = &model->reservations[booking->reservation];
    bool is_due = of->expires_us != MODEL_NEVER && of->expires_us <= model->now_us;
    bool may_have_ended = of->ended_us == MODEL_NEVER && is_due && model->now_us - of->expires_us >= DAY_US;
    *is_certain = *is_certain && !may_have_ended;
    return of->ended_us != MODEL_NEVER && model->now_us - of->ended_us >= DAY_US;
}

int64_t model_booked(const struct model *model, const char *resource, int64_t from_us, bool *out_is_certain)
{
    int64_t sum = 0;
    *out_is_certain = true;
    for (uint32_t i = 0; i < model->booking_count; i++) {
        const struct model_booking *booking = &model->bookings[i];
        if (booking->milli > 0 && booking->from_us == from_us && strcmp(booking->resource, resource) == 0 &&
            !is_forgotten(model, booking, out_is_certain))
            sum += model_booking_left(model, booking);
    }
    return sum;
}

void model_bookings_note(const struct model *model, uint32_t reservation, int64_t out_left[MODEL_BOOKED_MAX])
{
    uint32_t i = 0;
    for (uint32_t link = model->reservations[reservation].booking; link != 0 && i < MODEL_BOOKED_MAX;
         link = model->bookings[link - 1].next)
        out_left[i++] = model_booking_left(model, &model->bookings[link - 1]);
}

/* What was given back is given back for good. */
void model_bookings_settle(struct model *model, uint32_t reservation, const int64_t left[MODEL_BOOKED_MAX])
{
    uint32_t *link = &model->reservations[reservation].booking;
    for (uint32_t i = 0; *link != 0 && i < MODEL_BOOKED_MAX; i++) {
        struct model_booking *booking = &model->bookings[*link - 1];
        booking->milli = smaller(left[i], model_booking_left(model, booking));
        if (booking->milli == 0)
            *link = booking->next;
        else
            link = &booking->next;
    }
}

/* Joins what the reservation has booked there for the same node already. */
void model_booking_add(struct model *model, uint32_t reservation, const struct model_booking *booking)
{
    uint32_t *link = &model->reservations[reservation].booking;
    for (; *link != 0; link = &model->bookings[*link - 1].next) {
        struct model_booking *other = &model->bookings[*link - 1];
        if (other->from_us != booking->from_us || other->node != booking->node ||
            strcmp(other->resource, booking->resource) != 0)
            continue;
        if (booking->unit != MODEL_ORDERS || other->milli < booking->milli) /* CA1: no second order */
            other->milli += booking->milli;
        return;
    }
    struct model_booking *made = &model->bookings[model->booking_count++];
    *made = *booking;
    made->reservation = reservation;
    made->next = 0;
    *link = model->booking_count;
}

/* CA1: the order that the reservation has in that window already, which a second parcel joins. */
int64_t model_booking_joined(const struct model *model, uint32_t reservation, const struct model_booking *wanted)
{
    for (uint32_t link = model->reservations[reservation].booking; link != 0 && wanted->unit == MODEL_ORDERS;
         link = model->bookings[link - 1].next) {
        const struct model_booking *booking = &model->bookings[link - 1];
        if (booking->node == wanted->node && booking->from_us == wanted->from_us &&
            strcmp(booking->resource, wanted->resource) == 0)
            return model_booking_left(model, booking);
    }
    return 0;
}

/* CA6: slots and accounts of which nothing is left where they were go where the claims went. */
void model_bookings_move(struct model *model, uint32_t reservation, int64_t left[MODEL_BOOKED_MAX],
                         const uint32_t to_nodes[MODEL_NODES])
{
    struct model_booking along[MODEL_BOOKED_MAX];
    uint32_t i = 0, count = 0;
    for (uint32_t link = model->reservations[reservation].booking; link != 0 && i < MODEL_BOOKED_MAX;
         link = model->bookings[link - 1].next, i++) {
        const struct model_booking *booking = &model->bookings[link - 1];
        if (to_nodes[booking->node] == MODEL_NONE || booking->unit != MODEL_PARCELS || left[i] == 0 ||
            model_booking_left(model, booking) > 0)
            continue;
        along[count] = *booking;
        along[count].node = (uint8_t)to_nodes[booking->node];
        along[count++].milli = left[i];
    }
    model_bookings_settle(model, reservation, left);
    for (i = 0; i < count; i++)
        model_booking_add(model, reservation, &along[i]);
}

void model_booked_list(const struct model *model, uint32_t reservation, struct model_answer *out)
{
    for (uint32_t link = model->reservations[reservation].booking;
         link != 0 && out->booked_count < MODEL_BOOKED_MAX; link = model->bookings[link - 1].next) {
        struct model_booking booking = model->bookings[link - 1];
        booking.milli = model_booking_left(model, &booking);
        if (booking.milli > 0)
            out->booked[out->booked_count++] = booking;
    }
}
