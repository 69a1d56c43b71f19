#include "server/handle_system.h"
#include "server/handle.h"
#include "server/openapi.h"
#include "storage/projector.h"

void oh_handle_healthz(void *app, struct oh_exchange *exchange)
{
    (void)app;
    oh_strbuf_put_text(oh_reply_begin(exchange, 200, "application/json"), "{\"status\":\"ok\"}");
    oh_reply_end(exchange, 0);
}

/* How far PostgreSQL is. Being behind is no reason not to be ready: nobody waits for it. */
static void put_projection(struct oh_strbuf *body, const struct oh_service *service)
{
    struct oh_projector_status status;
    if (service->options.projector == NULL)
        return;
    oh_projector_status(service->options.projector, &status);
    uint64_t seq = oh_service_seq(service);
    oh_strbuf_put_text(body, ",\"projection\":{");
    oh_json_member_text(body, "state", oh_projector_state_text(status.state));
    if (status.has_seq) {
        oh_json_member_u64(body, "seq", status.seq);
        oh_json_member_u64(body, "lag_records", seq > status.seq ? seq - status.seq : 0);
    }
    oh_json_member_milli(body, "lag_seconds", status.lag_us / 1000);
    oh_json_member_u64(body, "backlog_bytes", status.backlog_bytes);
    oh_json_member_string_if_any(body, "reason", oh_bytes_of(status.reason.text));
    oh_strbuf_put_char(body, '}');
}

/* Recovery is over before the first connection is accepted, so what is left to say is whether writes are taken. */
void oh_handle_readyz(void *app, struct oh_exchange *exchange)
{
    struct oh_call call = oh_call_of(app, exchange);
    if (call.service->is_failed) {
        oh_reply_problem(exchange, 503, "not_ready", "Not ready", OH_BYTES("The journal has failed."), NULL);
        return;
    }
    if (call.service->is_storage_full) {
        oh_call_unavailable(&call, OH_SERVICE_STORAGE_FULL);
        return;
    }
    if (call.service->is_backlog_full) {
        oh_call_unavailable(&call, OH_SERVICE_BACKLOG_FULL);
        return;
    }
    struct oh_strbuf *body = oh_call_begin(&call, 200);
    oh_strbuf_put_char(body, '{');
    oh_json_member_text(body, "status", "ready");
    put_projection(body, call.service);
    oh_reply_put_seq_end(body, oh_service_seq(call.service));
    oh_call_end_read(&call);
}

void oh_handle_openapi(void *app, struct oh_exchange *exchange)
{
    (void)app;
    oh_strbuf_put(oh_reply_begin(exchange, 200, "application/json"), oh_openapi_json, oh_openapi_json_size);
    oh_reply_end(exchange, 0);
}
