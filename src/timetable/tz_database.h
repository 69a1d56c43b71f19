/*
 * tz_database.h - time zones of the system's tz database, read through GLib.
 *
 * A zone is read from its file each time it is asked for here, so an upgrade
 * of tzdata is seen by the next reading. GLib ends the process when it gets
 * no memory; what is asked of it here is some kilobytes. Any thread.
 */
#ifndef ONHAND_TIMETABLE_TZ_DATABASE_H
#define ONHAND_TIMETABLE_TZ_DATABASE_H

#include "onhand/error.h"
#include "timetable/arena.h"
#include <stdint.h>

/* From at_us on, local time is UTC plus offset_us. */
struct oh_tz_change {
    int64_t at_us;
    int64_t offset_us;
};

/*
 * Whether it names a file of the database: "Europe/London". "UTC" always does.
 *
 * Errors: OH_E_NOT_FOUND; OH_E_IO: that could not be found out (no file descriptor is left, the disk).
 */
OH_MUST_CHECK enum oh_err oh_tz_find(struct oh_bytes name);

/*
 * oh_tz_read - the offset at from_us and its changes before until_us.
 *
 * Post:   changes[0].at_us is INT64_MIN, the others ascend; neighbours differ. They are in `buffer`.
 * Errors: OH_E_NOT_FOUND, OH_E_IO, OH_E_NOMEM.
 * Cost:   O(days), and a file read.
 */
OH_MUST_CHECK enum oh_err oh_tz_read(struct oh_bytes name, int64_t from_us, int64_t until_us,
                                     struct oh_buffer *buffer, uint32_t *out_count);

#endif
