#include "server/routes.h"
#include "server/engine.h"
#include "server/handle_availability.h"
#include "server/handle_documents.h"
#include "server/handle_import.h"
#include "server/handle_promises.h"
#include "server/handle_reference.h"
#include "server/handle_reservations.h"
#include "server/handle_rules.h"
#include "server/handle_stock.h"
#include "server/handle_system.h"

#define READ(pattern, name, handle) { OH_METHOD_GET, OH_ROUTE_READ, pattern, name, handle, NULL }
#define ASK(pattern, name, handle) { OH_METHOD_POST, OH_ROUTE_READ, pattern, name, handle, NULL }
#define PUT(pattern, name, handle) { OH_METHOD_PUT, OH_ROUTE_WRITE, pattern, name, handle, NULL }
#define POST(pattern, name, handle) { OH_METHOD_POST, OH_ROUTE_WRITE, pattern, name, handle, NULL }
#define DELETE(pattern, name, handle) { OH_METHOD_DELETE, OH_ROUTE_WRITE, pattern, name, handle, NULL }
#define IMPORT(pattern, name, stream) { OH_METHOD_POST, OH_ROUTE_IMPORT, pattern, name, NULL, stream }
#define ADMIN(pattern, name, handle) { OH_METHOD_GET, OH_ROUTE_ADMIN, pattern, name, handle, NULL }

static const struct oh_route routes[] = {
    READ("/v1/nodes", "list_nodes", oh_handle_nodes_list),
    READ("/v1/nodes/{node}", "get_node", oh_handle_node_get),
    PUT("/v1/nodes/{node}", "put_node", oh_handle_node_put),
    READ("/v1/items", "list_items", oh_handle_items_list),
    READ("/v1/items/{sku}", "get_item", oh_handle_item_get),
    PUT("/v1/items/{sku}", "put_item", oh_handle_item_put),
    READ("/v1/groups", "list_groups", oh_handle_groups_list),
    READ("/v1/groups/{group}", "get_group", oh_handle_group_get),
    PUT("/v1/groups/{group}", "put_group", oh_handle_group_put),
    READ("/v1/channels", "list_channels", oh_handle_channels_list),
    READ("/v1/channels/{channel}", "get_channel", oh_handle_channel_get),
    PUT("/v1/channels/{channel}", "put_channel", oh_handle_channel_put),

    READ("/v1/rules/{rule}", "get_rule", oh_handle_rule_get),
    PUT("/v1/rules/{rule}", "put_rule", oh_handle_rule_put),
    DELETE("/v1/rules/{rule}", "delete_rule", oh_handle_rule_delete),
    READ("/v1/fences/{fence}", "get_fence", oh_handle_fence_get),
    PUT("/v1/fences/{fence}", "put_fence", oh_handle_fence_put),
    DELETE("/v1/fences/{fence}", "delete_fence", oh_handle_fence_delete),
    READ("/v1/supplies/{id}", "get_supply", oh_handle_supply_get),
    PUT("/v1/supplies/{id}", "put_supply", oh_handle_supply_put),
    DELETE("/v1/supplies/{id}", "delete_supply", oh_handle_supply_delete),

    POST("/v1/stock/adjust", "adjust", oh_handle_stock_adjust),
    POST("/v1/stock/sync", "sync", oh_handle_stock_sync),
    READ("/v1/stock/{sku}", "get_stock", oh_handle_stock_list),
    READ("/v1/stock/{sku}/{node}", "get_position", oh_handle_stock_get),

    POST("/v1/deliveries", "report_deliveries", oh_handle_deliveries),

    READ("/v1/availability/{sku}", "get_availability", oh_handle_availability_get),
    ASK("/v1/availability", "ask_availability", oh_handle_availability_ask),

    POST("/v1/reservations", "reserve", oh_handle_reservation_create),
    READ("/v1/reservations", "list_reservations", oh_handle_reservations_list),
    POST("/v1/reservations/batch", "reserve_batch", oh_handle_reservation_batch),
    READ("/v1/reservations/{id}", "get_reservation", oh_handle_reservation_get),
    POST("/v1/reservations/{id}/confirm", "confirm", oh_handle_reservation_confirm),
    POST("/v1/reservations/{id}/release", "release", oh_handle_reservation_release),
    POST("/v1/reservations/{id}/extend", "extend", oh_handle_reservation_extend),
    POST("/v1/reservations/{id}/change", "change", oh_handle_reservation_change),
    POST("/v1/reservations/{id}/move", "move", oh_handle_reservation_move),
    POST("/v1/reservations/{id}/fulfil", "fulfil", oh_handle_reservation_fulfil),

    READ("/v1/calendars", "list_calendars", oh_handle_calendars_list),
    READ("/v1/calendars/{calendar}", "get_calendar", oh_handle_calendar_get),
    PUT("/v1/calendars/{calendar}", "put_calendar", oh_handle_calendar_put),
    DELETE("/v1/calendars/{calendar}", "delete_calendar", oh_handle_calendar_delete),
    READ("/v1/zones", "list_zones", oh_handle_zones_list),
    READ("/v1/zones/{zone}", "get_zone", oh_handle_zone_get),
    PUT("/v1/zones/{zone}", "put_zone", oh_handle_zone_put),
    DELETE("/v1/zones/{zone}", "delete_zone", oh_handle_zone_delete),
    READ("/v1/services", "list_services", oh_handle_services_list),
    READ("/v1/services/{service}", "get_service", oh_handle_service_get),
    PUT("/v1/services/{service}", "put_service", oh_handle_service_put),
    DELETE("/v1/services/{service}", "delete_service", oh_handle_service_delete),
    READ("/v1/lanes", "list_lanes", oh_handle_lanes_list),
    READ("/v1/lanes/{lane}", "get_lane", oh_handle_lane_get),
    PUT("/v1/lanes/{lane}", "put_lane", oh_handle_lane_put),
    DELETE("/v1/lanes/{lane}", "delete_lane", oh_handle_lane_delete),
    READ("/v1/schedules", "list_schedules", oh_handle_schedules_list),
    READ("/v1/nodes/{node}/schedule", "get_schedule", oh_handle_schedule_get),
    PUT("/v1/nodes/{node}/schedule", "put_schedule", oh_handle_schedule_put),
    DELETE("/v1/nodes/{node}/schedule", "delete_schedule", oh_handle_schedule_delete),
    READ("/v1/sourcing", "list_sourcing", oh_handle_sourcings_list),
    READ("/v1/channels/{channel}/sourcing", "get_sourcing", oh_handle_sourcing_get),
    PUT("/v1/channels/{channel}/sourcing", "put_sourcing", oh_handle_sourcing_put),
    DELETE("/v1/channels/{channel}/sourcing", "delete_sourcing", oh_handle_sourcing_delete),

    ASK("/v1/promises", "promise", oh_handle_promise_ask),
    READ("/v1/promises/{promise}", "get_promise", oh_handle_promise_get),

    IMPORT("/v1/import/nodes", "import_nodes", &oh_import_nodes),
    IMPORT("/v1/import/items", "import_items", &oh_import_items),
    IMPORT("/v1/import/groups", "import_groups", &oh_import_groups),
    IMPORT("/v1/import/stock", "import_stock", &oh_import_stock),
    IMPORT("/v1/import/supplies", "import_supplies", &oh_import_supplies),
    IMPORT("/v1/import/postal_codes", "import_postal_codes", &oh_import_postal_codes),
    READ("/v1/import/{import}", "get_import", oh_handle_import_get),

    ADMIN("/healthz", "healthz", oh_handle_healthz),
    ADMIN("/readyz", "readyz", oh_handle_readyz),
    ADMIN("/metrics", "metrics", oh_handle_metrics),
    ADMIN("/openapi.json", "openapi", oh_handle_openapi),
};

const struct oh_route *oh_routes(size_t *out_count)
{
    *out_count = sizeof(routes) / sizeof(routes[0]);
    return routes;
}

void oh_routes_put_text(struct oh_strbuf *out)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        oh_strbuf_printf(out, "%s %s\n", oh_method_text(routes[i].method), routes[i].pattern);
}
