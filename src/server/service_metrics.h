/*
 * service_metrics.h - what the ledger, the journal and the snapshotter count, for the table of metrics.
 *
 * Thread: the loop thread; the labels on any.
 */
#ifndef ONHAND_SERVER_SERVICE_METRICS_H
#define ONHAND_SERVER_SERVICE_METRICS_H

#include <stddef.h>

struct oh_metrics;
struct oh_service;

/* States of a projector (storage/projector.h). */
#define OH_PROJECTOR_METRIC_STATES 6

/* Numbers that a verdict may have. */
#define OH_VERDICT_METRIC_COUNT 96

/* Labels of metrics.def: the code of a verdict's number, or NULL; the version of the program; a projector's state. */
const char *oh_verdict_metric_label(size_t verdict);
const char *oh_version_metric_label(size_t index);
const char *oh_projector_state_metric_label(size_t state);

/* Fills the rows of the ledger, the journal and the snapshots. */
void oh_service_collect(const struct oh_service *service, struct oh_metrics *metrics);

#endif
