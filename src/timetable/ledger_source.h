/*
 * ledger_source.h - the documents of a ledger, as the timetable's builder reads them.
 */
#ifndef ONHAND_TIMETABLE_LEDGER_SOURCE_H
#define ONHAND_TIMETABLE_LEDGER_SOURCE_H

#include "timetable/builder.h"

/* Borrows the ledger for as long as the source is used. */
struct oh_document_source oh_ledger_source(const struct oh_ledger *ledger);

#endif
