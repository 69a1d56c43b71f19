#include "timetable/builder.h"
#include "timetable/tz_database.h"

/* The time zone a document names; empty: none. */
static struct oh_bytes document_zone(const struct oh_document *document)
{
    if (document->kind == OH_DOCUMENT_SCHEDULE)
        return document->schedule.time_zone;
    return document->kind == OH_DOCUMENT_SERVICE ? document->service.time_zone : OH_BYTES_NONE;
}

enum oh_err oh_document_judge(struct oh_json_document *memory, enum oh_document_kind kind,
                              struct oh_bytes text, struct oh_document *out, struct oh_fault *fault)
{
    if (oh_document_read(memory, kind, text, out, fault) != OH_OK)
        return OH_E_SYNTAX;
    struct oh_bytes zone = document_zone(out);
    enum oh_err err = oh_bytes_is_empty(zone) ? OH_OK : oh_tz_find(zone);
    if (err == OH_E_NOT_FOUND)
        oh_fault_set(fault, OH_FAULT_INVALID_VALUE, OH_BYTES("time_zone"),
                     "time_zone is a name of the system's tz database, like Europe/London.");
    else if (err != OH_OK)
        oh_fault_set(fault, OH_FAULT_TIME_ZONES_UNREADABLE, OH_BYTES("time_zone"),
                     "The system's tz database could not be read. Try again.");
    return err == OH_OK ? OH_OK : OH_E_SYNTAX;
}
