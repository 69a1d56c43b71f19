/*
 * bench_report.h - what a run found, as text for people or as one line of JSON.
 */
#ifndef ONHAND_APP_BENCH_REPORT_H
#define ONHAND_APP_BENCH_REPORT_H

#include "app/bench_run.h"

/* Writes to standard output. The run is over. Errors: OH_E_NOMEM. */
enum oh_err oh_bench_report(const struct oh_bench_run *run) OH_MUST_CHECK;

#endif
