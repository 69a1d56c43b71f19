#include "fuzz/twin_csv.h"
#include "fuzz/fuzz.h"
#include <string.h>

struct reading {
    const char *data;
    size_t size;
    size_t at;
    size_t source_size; /* bytes of the row up to here, but for the CR of line ends, which are not counted */
    size_t text_size;
    struct twin_row *row;
};

static bool is_at(const struct reading *reading, char c)
{
    return reading->at < reading->size && reading->data[reading->at] == c;
}

static bool is_at_row_end(const struct reading *reading)
{
    return reading->at >= reading->size || is_at(reading, '\n');
}

/* Where the row becomes too long it is given up: from there on its end is the next line feed. */
static bool take(struct reading *reading, bool is_text)
{
    if (reading->source_size == TWIN_ROW_SIZE_MAX)
        return false;
    reading->source_size++;
    if (is_text)
        reading->row->text[reading->text_size++] = reading->data[reading->at];
    reading->at++;
    return true;
}

/* At the opening quote: up to behind the closing one, in which two stand for one. */
static bool quoted_read(struct reading *reading)
{
    if (!take(reading, false))
        return false;
    while (reading->at < reading->size) {
        bool is_quote = is_at(reading, '"');
        bool is_double = is_quote && reading->at + 1 < reading->size && reading->data[reading->at + 1] == '"';
        if (!take(reading, !is_quote || (is_double && fuzz_is_planted())))
            return false;
        if (is_quote && !is_double)
            return true;
        if (is_double && !take(reading, true))
            return false;
    }
    reading->row->is_good = false; /* never closed */
    return true;
}

/* Text that is not quoted. After a closing quote there may be none of it. */
static bool plain_read(struct reading *reading, bool is_after_quotes)
{
    while (!is_at_row_end(reading) && !is_at(reading, ',')) {
        if (is_at(reading, '\r')) {
            reading->at++;
            /* The last line may end in a CR whose LF was cut off. */
            if (!is_at_row_end(reading))
                reading->row->is_good = false;
            continue;
        }
        if (is_after_quotes || is_at(reading, '"'))
            reading->row->is_good = false;
        if (!take(reading, true))
            return false;
    }
    return true;
}

static bool cell_read(struct reading *reading)
{
    bool is_quoted = is_at(reading, '"');
    size_t start = reading->text_size;
    if (is_quoted && !quoted_read(reading))
        return false;
    if (!plain_read(reading, is_quoted))
        return false;
    if (reading->row->cell_count < TWIN_CELLS_MAX)
        reading->row->cells[reading->row->cell_count] =
            (struct twin_cell){ reading->row->text + start, reading->text_size - start };
    else
        reading->row->is_good = false;
    reading->row->cell_count++;
    return true;
}

void twin_csv_row(const char *data, size_t size, size_t at, struct twin_row *out)
{
    struct reading reading = { data, size, at, 0, 0, out };
    bool is_short = true;
    out->is_good = true;
    out->cell_count = 0;
    do
        is_short = cell_read(&reading);
    while (is_short && is_at(&reading, ',') && (is_short = take(&reading, false)));
    if (!is_short) {
        out->is_good = false;
        const char *found = memchr(data + reading.at, '\n', size - reading.at);
        reading.at = found == NULL ? size : (size_t)(found - data);
    }
    out->is_blank = reading.source_size == 0;
    out->end = reading.at < size ? reading.at + 1 : size;
}
