#include "support/naive.h"

/* ---- What claims leave of a booking (CA4) ----------------------------------------------------- */

int64_t naive_booking_left(const struct naive *naive, const struct naive_reservation *reservation,
                           const struct naive_booking *booking)
{
    bool is_due = naive_is_due(naive, reservation);
    int64_t units = 0;
    uint32_t lines = 0;
    for (uint32_t i = 0; i < reservation->claim_count; i++) {
        const struct naive_claim *claim = &reservation->claims[i];
        int64_t live = claim->node == booking->node ? (is_due ? 0 : claim->held) + claim->confirmed + claim->fulfilled
                                                    : 0;
        bool is_first = live > 0;
        for (uint32_t j = 0; j < i; j++) {
            const struct naive_claim *other = &reservation->claims[j];
            if (other->node == booking->node && other->line == claim->line &&
                (is_due ? 0 : other->held) + other->confirmed + other->fulfilled > 0)
                is_first = false;
        }
        units += live;
        lines += is_first ? 1 : 0;
    }
    if (booking->unit == OH_UNIT_UNITS)
        return naive_min(units, booking->milli);
    if (booking->unit == OH_UNIT_LINES)
        return naive_min((int64_t)lines * 1000, booking->milli);
    return units == 0 ? 0 : booking->milli;
}

int64_t naive_booked(const struct naive *naive, struct oh_bytes resource, int64_t from_us)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < naive->reservation_count; i++) {
        const struct naive_reservation *reservation = &naive->reservations[i];
        if (reservation->booking_count == 0 || naive_reservation_is_forgotten(naive, reservation))
            continue;
        for (uint32_t j = 0; j < reservation->booking_count; j++) {
            const struct naive_booking *booking = &reservation->bookings[j];
            if (booking->from_us == from_us && oh_bytes_equal(booking->resource, resource))
                sum += naive_booking_left(naive, reservation, booking);
        }
    }
    return sum;
}

/* ---- Admission (CA2, CA3) --------------------------------------------------------------------- */

static bool is_sane(const struct naive *naive, const struct oh_reserve_booking *booking)
{
    const int64_t most = 9007199254740991;
    return booking->resource.size >= 1 && naive_text_is_valid(booking->resource, OH_RESOURCE_SIZE_MAX) &&
           booking->node < naive->node_count && booking->from_us >= 0 && booking->from_us < booking->until_us &&
           booking->until_us <= OH_TIME_US_MAX && booking->quantity_milli >= 1 && booking->quantity_milli <= most &&
           booking->limit_milli <= most;
}

/* CA1: an order that the reservation has there already, which a second parcel joins. */
static int64_t joined(const struct naive *naive, const struct naive_reservation *own,
                      const struct oh_reserve_booking *booking)
{
    for (uint32_t i = 0; own != NULL && booking->unit == OH_UNIT_ORDERS && i < own->booking_count; i++) {
        const struct naive_booking *has = &own->bookings[i];
        if (has->node == booking->node && has->from_us == booking->from_us &&
            oh_bytes_equal(has->resource, booking->resource))
            return naive_booking_left(naive, own, has);
    }
    return 0;
}

int64_t naive_booking_room(const struct naive *naive, const struct naive_reservation *own,
                           const struct oh_reserve_booking *booking)
{
    return naive_max(0, booking->limit_milli) - naive_booked(naive, booking->resource, booking->from_us) +
           joined(naive, own, booking);
}

/* own: the reservation that has others already; NULL: a new one. */
enum oh_verdict naive_bookings_judge(const struct naive *naive, const struct naive_reservation *own,
                                     const struct oh_reserve_booking *bookings, uint32_t count,
                                     struct oh_answer *answer)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!is_sane(naive, &bookings[i]))
            return naive_refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_BOOKINGS, i);
        int64_t sum = bookings[i].quantity_milli;
        for (uint32_t j = 0; j < i; j++) {
            if (bookings[j].from_us != bookings[i].from_us ||
                !oh_bytes_equal(bookings[j].resource, bookings[i].resource))
                continue;
            if (bookings[j].node == bookings[i].node)
                return naive_refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_BOOKINGS, i);
            sum += bookings[j].quantity_milli;
        }
        if (sum > naive_booking_room(naive, own, &bookings[i]))
            return naive_refuse(answer, OH_V_NO_CAPACITY, OH_FIELD_BOOKINGS, i);
    }
    return OH_OK_DONE;
}

void naive_bookings_add(struct naive *naive, struct naive_reservation *reservation,
                        const struct oh_reserve_booking *bookings, uint32_t count)
{
    reservation->bookings = count == 0 ? NULL : naive_allocate(naive, count * sizeof(*reservation->bookings));
    reservation->booking_count = count;
    for (uint32_t i = 0; i < count; i++)
        reservation->bookings[i] =
            (struct naive_booking){ naive_copy(naive, bookings[i].resource), bookings[i].node, bookings[i].unit,
                                    bookings[i].from_us, bookings[i].until_us, bookings[i].quantity_milli };
}

void naive_bookings_note(const struct naive *naive, const struct naive_reservation *reservation, int64_t *out_left)
{
    for (uint32_t i = 0; i < reservation->booking_count; i++)
        out_left[i] = naive_booking_left(naive, reservation, &reservation->bookings[i]);
}

static bool is_same_window(const struct naive_booking *a, const struct naive_booking *b)
{
    return a->milli > 0 && a->node == b->node && a->from_us == b->from_us && oh_bytes_equal(a->resource, b->resource);
}

/* CA6: of slots and accounts, and of a node that keeps nothing. Two that come to one node become one. */
void naive_bookings_move(struct naive *naive, struct naive_reservation *reservation, uint32_t node, uint32_t to_node,
                         int64_t *left)
{
    for (uint32_t i = 0; i < reservation->booking_count; i++) {
        struct naive_booking *booking = &reservation->bookings[i];
        if (booking->node != node || booking->unit != OH_UNIT_PARCELS || left[i] == 0 ||
            naive_booking_left(naive, reservation, booking) > 0)
            continue;
        struct naive_booking along = *booking;
        uint32_t at = 0;
        along.node = (uint16_t)to_node;
        along.milli = left[i];
        booking->milli = 0;
        while (at < reservation->booking_count &&
               (left[at] == 0 || !is_same_window(&reservation->bookings[at], &along)))
            at++;
        if (at < reservation->booking_count) {
            reservation->bookings[at].milli += along.milli;
            left[at] += along.milli;
            continue;
        }
        struct naive_booking *grown = naive_allocate(naive, (reservation->booking_count + 1) * sizeof(*grown));
        memcpy(grown, reservation->bookings, reservation->booking_count * sizeof(*grown));
        grown[reservation->booking_count] = along;
        left[reservation->booking_count++] = along.milli;
        reservation->bookings = grown;
    }
}

/* What a move takes where it goes. */
void naive_bookings_take(struct naive *naive, struct naive_reservation *reservation,
                         const struct oh_reserve_booking *bookings, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct naive_booking taken = { naive_copy(naive, bookings[i].resource), bookings[i].node, bookings[i].unit,
                                       bookings[i].from_us, bookings[i].until_us, bookings[i].quantity_milli };
        uint32_t at = 0;
        while (at < reservation->booking_count && !is_same_window(&reservation->bookings[at], &taken))
            at++;
        if (at < reservation->booking_count) {
            int64_t *milli = &reservation->bookings[at].milli;
            *milli = taken.unit == OH_UNIT_ORDERS ? naive_max(*milli, taken.milli) : *milli + taken.milli;
            continue;
        }
        struct naive_booking *grown = naive_allocate(naive, (at + 1) * sizeof(*grown));
        if (at > 0)
            memcpy(grown, reservation->bookings, at * sizeof(*grown));
        grown[at] = taken;
        reservation->bookings = grown;
        reservation->booking_count++;
    }
}

void naive_bookings_settle(const struct naive *naive, struct naive_reservation *reservation, const int64_t *left)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < reservation->booking_count; i++) {
        struct naive_booking booking = reservation->bookings[i];
        booking.milli = naive_min(left[i], naive_booking_left(naive, reservation, &booking));
        if (booking.milli > 0)
            reservation->bookings[kept++] = booking;
    }
    reservation->booking_count = kept;
}
