/*
 * handle_documents.h - the documents that a date is made of: calendars, zones, services, lanes, the schedules of nodes
 * and the sourcing of channels (docs/spec/promise.md, DO1 to DO4).
 *
 * Thread: the loop thread.
 */
#ifndef ONHAND_SERVER_HANDLE_DOCUMENTS_H
#define ONHAND_SERVER_HANDLE_DOCUMENTS_H

struct oh_exchange;

void oh_handle_calendars_list(void *app, struct oh_exchange *exchange);
void oh_handle_calendar_get(void *app, struct oh_exchange *exchange);
void oh_handle_calendar_put(void *app, struct oh_exchange *exchange);
void oh_handle_calendar_delete(void *app, struct oh_exchange *exchange);
void oh_handle_zones_list(void *app, struct oh_exchange *exchange);
void oh_handle_zone_get(void *app, struct oh_exchange *exchange);
void oh_handle_zone_put(void *app, struct oh_exchange *exchange);
void oh_handle_zone_delete(void *app, struct oh_exchange *exchange);
void oh_handle_services_list(void *app, struct oh_exchange *exchange);
void oh_handle_service_get(void *app, struct oh_exchange *exchange);
void oh_handle_service_put(void *app, struct oh_exchange *exchange);
void oh_handle_service_delete(void *app, struct oh_exchange *exchange);
void oh_handle_lanes_list(void *app, struct oh_exchange *exchange);
void oh_handle_lane_get(void *app, struct oh_exchange *exchange);
void oh_handle_lane_put(void *app, struct oh_exchange *exchange);
void oh_handle_lane_delete(void *app, struct oh_exchange *exchange);
void oh_handle_schedules_list(void *app, struct oh_exchange *exchange);
void oh_handle_schedule_get(void *app, struct oh_exchange *exchange);
void oh_handle_schedule_put(void *app, struct oh_exchange *exchange);
void oh_handle_schedule_delete(void *app, struct oh_exchange *exchange);
void oh_handle_sourcings_list(void *app, struct oh_exchange *exchange);
void oh_handle_sourcing_get(void *app, struct oh_exchange *exchange);
void oh_handle_sourcing_put(void *app, struct oh_exchange *exchange);
void oh_handle_sourcing_delete(void *app, struct oh_exchange *exchange);

#endif
