/*
 * tz_database.h - time zones of the system's tz database.
 *
 * A zone is read from its file each time it is asked for here, so an upgrade
 * of tzdata is seen by the next reading. Any thread.
 */
#ifndef ONHAND_TIMETABLE_TZ_DATABASE_H
#define ONHAND_TIMETABLE_TZ_DATABASE_H

#include "onhand/error.h"
#include "timetable/tz_file.h"

/*
 * Whether it names a file of the database: "Europe/London". "UTC" always does.
 *
 * Errors: OH_E_NOT_FOUND; OH_E_IO: that could not be found out (no file descriptor is left, the disk).
 */
OH_MUST_CHECK enum oh_err oh_tz_find(struct oh_bytes name);

/* As oh_tz_file_changes, and the errors of oh_tz_find. Cost: a file read. */
OH_MUST_CHECK enum oh_err oh_tz_read(struct oh_bytes name, int64_t from_us, int64_t until_us,
                                     struct oh_buffer *buffer, uint32_t *out_count);

#endif
