#include "codec/rows_ndjson.h"

void oh_json_line_begin(struct oh_json_line *line, char *text)
{
    *line = (struct oh_json_line){ .text = text };
}

static void line_append(struct oh_json_line *line, const char *data, size_t size)
{
    size_t room = OH_ROW_SIZE_MAX + 1 - line->size;
    size_t taken = size < room ? size : room;
    memcpy(line->text + line->size, data, taken);
    line->size += taken;
    line->is_too_long = line->is_too_long || taken < size;
}

/* The whole line is there: the carriage return of its end goes, then its size counts. */
static void line_close(struct oh_json_line *line)
{
    if (line->size > 0 && line->text[line->size - 1] == '\r' && !line->is_too_long)
        line->size--;
    line->is_too_long = line->is_too_long || line->size > OH_ROW_SIZE_MAX;
}

size_t oh_json_line_read(struct oh_json_line *line, struct oh_bytes bytes, bool *out_is_complete)
{
    const char *found = bytes.size == 0 ? NULL : memchr(bytes.data, '\n', bytes.size);
    size_t size = found == NULL ? bytes.size : (size_t)(found - bytes.data);
    if (size > 0)
        line_append(line, bytes.data, size);
    *out_is_complete = found != NULL;
    if (found == NULL)
        return size;
    line_close(line);
    return size + 1;
}

bool oh_json_line_end(struct oh_json_line *line)
{
    bool is_something = line->size > 0;
    line_close(line);
    return is_something;
}
