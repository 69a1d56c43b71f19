#include "server/handle_system.h"
#include "server/handle.h"
#include "server/openapi.h"

void oh_handle_healthz(void *app, struct oh_exchange *exchange)
{
    (void)app;
    oh_strbuf_put_text(oh_reply_begin(exchange, 200, "application/json"), "{\"status\":\"ok\"}");
    oh_reply_end(exchange, 0);
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
    struct oh_strbuf *body = oh_call_begin(&call, 200);
    oh_strbuf_put_char(body, '{');
    oh_json_member_text(body, "status", "ready");
    oh_reply_put_seq_end(body, oh_service_seq(call.service));
    oh_call_end_read(&call);
}

void oh_handle_openapi(void *app, struct oh_exchange *exchange)
{
    (void)app;
    oh_strbuf_put(oh_reply_begin(exchange, 200, "application/json"), oh_openapi_json, oh_openapi_json_size);
    oh_reply_end(exchange, 0);
}
