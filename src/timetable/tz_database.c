#include "timetable/tz_database.h"
#include "onhand/types.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER        "/usr/share/zoneinfo" /* when TZDIR is not set */
#define FILE_SIZE_MAX 16384                 /* the largest of tzdata has 4 kB */

struct zone {
    struct oh_tz_file file; /* of the bytes */
    char bytes[FILE_SIZE_MAX + 1];
};

/*
 * Parts of letters, digits, '_', '-' and '+', with '/' between: nothing that leaves the folder. "right/..." are
 * clocks that count leap seconds, which Unix time does not.
 */
static bool name_is_good(struct oh_bytes name)
{
    if (name.size == 0 || name.size > OH_ID_SIZE_MAX || name.data[0] == '/')
        return false;
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_other = (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+' || c == '/';
        if (!is_letter && !is_other)
            return false;
    }
    return name.size < 6 || memcmp(name.data, "right/", 6) != 0;
}

/* What a call that failed says of the file: that there is none, or nothing. */
static enum oh_err file_error(int error)
{
    bool is_none = error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENAMETOOLONG;
    return is_none ? OH_E_NOT_FOUND : OH_E_IO;
}

/* Reads to the end, of a file that has at most FILE_SIZE_MAX bytes. */
static enum oh_err file_read(int file, struct zone *out)
{
    struct stat status;
    size_t size = 0;
    ssize_t part = 1;
    if (fstat(file, &status) != 0)
        return OH_E_IO;
    if (!S_ISREG(status.st_mode))
        return OH_E_NOT_FOUND;
    while (part > 0 && size < sizeof(out->bytes)) {
        part = TEMP_FAILURE_RETRY(read(file, out->bytes + size, sizeof(out->bytes) - size));
        if (part < 0)
            return OH_E_IO;
        size += (size_t)part;
    }
    bool is_zone =
        size <= FILE_SIZE_MAX && oh_tz_file_parse((struct oh_bytes){ out->bytes, size }, &out->file) == OH_OK;
    return is_zone ? OH_OK : OH_E_NOT_FOUND;
}

static enum oh_err path_read(const char *path, struct zone *out)
{
    int file = (int)TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file < 0)
        return file_error(errno);
    enum oh_err err = file_read(file, out);
    close(file);
    return err;
}

static enum oh_err zone_read(struct oh_bytes name, struct zone *out)
{
    static const unsigned char utc_type[6];
    char path[PATH_MAX];
    const char *folder = getenv("TZDIR");
    if (oh_bytes_equal(name, OH_BYTES("UTC"))) {
        out->file = (struct oh_tz_file){ .types = utc_type, .type_count = 1 };
        return OH_OK;
    }
    if (!name_is_good(name))
        return OH_E_NOT_FOUND;
    int size =
        snprintf(path, sizeof(path), "%s/%.*s", folder == NULL ? FOLDER : folder, (int)name.size, name.data);
    return size > 0 && (size_t)size < sizeof(path) ? path_read(path, out) : OH_E_NOT_FOUND;
}

enum oh_err oh_tz_find(struct oh_bytes name)
{
    struct zone zone;
    return zone_read(name, &zone);
}

enum oh_err oh_tz_read(struct oh_bytes name, int64_t from_us, int64_t until_us, struct oh_buffer *buffer,
                       uint32_t *out_count)
{
    struct zone zone;
    enum oh_err err = zone_read(name, &zone);
    return err == OH_OK ? oh_tz_file_changes(&zone.file, from_us, until_us, buffer, out_count) : err;
}
