#include "app/client.h"

#include "base/assert.h"
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENT_READ_SIZE             65536u
#define CLIENT_TARGET_SIZE_MAX       2048u
#define CLIENT_REQUEST_HEAD_SIZE_MAX 8192u

/* ---- URL ---- */

static bool port_is_right(const char *port)
{
    unsigned value = 0;
    size_t size = strlen(port);
    if (size == 0 || size >= OH_URL_PORT_SIZE)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (port[i] < '0' || port[i] > '9')
            return false;
        value = value * 10 + (unsigned)(port[i] - '0');
    }
    return value >= 1 && value <= 65535;
}

static bool host_is_right(const char *host)
{
    for (const char *at = host; *at != '\0'; at++) {
        if (*at <= ' ' || *at == 0x7f || strchr("/?#@[]", *at) != NULL)
            return false;
    }
    return host[0] != '\0';
}

/* Splits "host:port" or "[v6]:port"; *out_port stays when there is none. False when it cannot be cut. */
static bool authority_split(char *authority, char **out_host, char **out_port)
{
    char *host = authority;
    char *rest = authority + strcspn(authority, ":");
    if (authority[0] == '[') {
        char *end = strchr(authority, ']');
        if (end == NULL)
            return false;
        *end = '\0';
        host = authority + 1;
        rest = end + 1;
    }
    if (*rest == ':') {
        *rest = '\0';
        *out_port = rest + 1;
    } else if (*rest != '\0') {
        return false;
    }
    *out_host = host;
    return true;
}

enum oh_err oh_url_parse(const char *text, struct oh_url *out_url, struct oh_diag *diag)
{
    static const char scheme[] = "http://";
    if (strncmp(text, "https://", 8) == 0) {
        oh_diag_set(diag, "%s: TLS is not supported by this command yet, give an http:// address", text);
        return OH_E_INVALID;
    }
    if (strncmp(text, scheme, sizeof scheme - 1) != 0) {
        oh_diag_set(diag, "%s: an address looks like http://127.0.0.1:8080", text);
        return OH_E_INVALID;
    }
    char authority[OH_URL_HOST_SIZE + OH_URL_PORT_SIZE + 4];
    const char *start = text + sizeof scheme - 1;
    size_t size = strcspn(start, "/?#");
    char *host = NULL;
    char port_default[] = "80";
    char *port = port_default;
    bool ends_well = start[size] == '\0' || strcmp(start + size, "/") == 0;
    if (size < sizeof authority) {
        memcpy(authority, start, size);
        authority[size] = '\0';
    }
    if (!ends_well || size >= sizeof authority || !authority_split(authority, &host, &port) ||
        !host_is_right(host) || !port_is_right(port) || strlen(host) >= OH_URL_HOST_SIZE) {
        oh_diag_set(diag, "%s: an address is http://host:port with nothing after it", text);
        return OH_E_INVALID;
    }
    memcpy(out_url->host, host, strlen(host) + 1);
    memcpy(out_url->port, port, strlen(port) + 1);
    return OH_OK;
}

void oh_url_put_host(const struct oh_url *url, struct oh_strbuf *out)
{
    bool is_v6 = strchr(url->host, ':') != NULL;
    oh_strbuf_put_text(out, is_v6 ? "Host: [" : "Host: ");
    oh_strbuf_put_text(out, url->host);
    oh_strbuf_put_text(out, is_v6 ? "]:" : ":");
    oh_strbuf_put_text(out, url->port);
    oh_strbuf_put_text(out, "\r\n");
}

bool oh_target_is_plain(const char *target)
{
    size_t size = 0;
    if (target[0] != '/')
        return false;
    for (; target[size] != '\0'; size++) {
        if (target[size] <= ' ' || target[size] >= 0x7f || size >= CLIENT_TARGET_SIZE_MAX)
            return false;
    }
    return true;
}

/* ---- the head of a reply ---- */

/* Header names and tokens, in any case. */
static bool text_is(struct oh_bytes text, const char *lower)
{
    return text.size == strlen(lower) && strncasecmp(text.data, lower, text.size) == 0;
}

static bool value_to_u64(struct oh_bytes value, uint64_t *out)
{
    uint64_t number = 0;
    if (value.size == 0 || value.size > 18)
        return false;
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(value.data[i] - '0');
    }
    *out = number;
    return true;
}

static struct oh_bytes bytes_trim(struct oh_bytes bytes)
{
    while (bytes.size > 0 && (bytes.data[0] == ' ' || bytes.data[0] == '\t')) {
        bytes.data++;
        bytes.size--;
    }
    while (bytes.size > 0 && (bytes.data[bytes.size - 1] == ' ' || bytes.data[bytes.size - 1] == '\t'))
        bytes.size--;
    return bytes;
}

static bool header_parse(struct oh_bytes line, struct oh_response_head *head)
{
    const char *colon = memchr(line.data, ':', line.size);
    if (colon == NULL || colon == line.data)
        return false;
    struct oh_bytes name = { line.data, (size_t)(colon - line.data) };
    struct oh_bytes value = bytes_trim((struct oh_bytes){ colon + 1, line.size - name.size - 1 });
    uint64_t number = 0;
    if (text_is(name, "content-length")) {
        head->has_content_length = true;
        return value_to_u64(value, &head->content_length);
    }
    if (text_is(name, "transfer-encoding"))
        head->is_chunked = true;
    else if (text_is(name, "connection") && text_is(value, "close"))
        head->closes = true;
    else if (text_is(name, "retry-after") && value_to_u64(value, &number))
        head->retry_after_s = number > 3600 ? 3600u : (unsigned)number;
    return true;
}

/* "HTTP/1.1 200 OK" */
static bool status_line_parse(struct oh_bytes line, struct oh_response_head *head)
{
    if (line.size < 12 || memcmp(line.data, "HTTP/1.", 7) != 0 || line.data[8] != ' ')
        return false;
    if (line.size > 12 && line.data[12] != ' ')
        return false;
    unsigned status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (line.data[i] < '0' || line.data[i] > '9')
            return false;
        status = status * 10 + (unsigned)(line.data[i] - '0');
    }
    head->status = status;
    head->closes = line.data[7] == '0';
    return status >= 100 && status <= 599;
}

enum oh_err oh_response_head_parse(struct oh_bytes bytes, struct oh_response_head *out_head)
{
    const char *end = bytes.size < 4 ? NULL : memmem(bytes.data, bytes.size, "\r\n\r\n", 4);
    if (end == NULL)
        return bytes.size > OH_RESPONSE_HEAD_SIZE_MAX ? OH_E_TOO_LARGE : OH_E_AGAIN;
    struct oh_response_head head = { .size = (size_t)(end - bytes.data) + 4 };
    const char *at = bytes.data;
    bool is_first = true;
    while (at < end + 2) {
        const char *line_end = memmem(at, (size_t)(end + 2 - at), "\r\n", 2);
        OH_ASSERT(line_end != NULL);
        struct oh_bytes line = { at, (size_t)(line_end - at) };
        if (is_first ? !status_line_parse(line, &head) : !header_parse(line, &head))
            return OH_E_SYNTAX;
        is_first = false;
        at = line_end + 2;
    }
    if (head.status < 200 || head.status == 204 || head.status == 304)
        head.content_length = 0;
    *out_head = head;
    return OH_OK;
}

/* ---- the connection ---- */

void oh_client_init(struct oh_client *client, const struct oh_url *url, int timeout_ms)
{
    OH_ASSERT(timeout_ms >= 1);
    client->url = *url;
    client->fd = -1;
    client->timeout_ms = timeout_ms;
    client->reply_size = 0;
    oh_strbuf_init(&client->in, OH_RESPONSE_HEAD_SIZE_MAX + OH_RESPONSE_BODY_SIZE_MAX + CLIENT_READ_SIZE);
}

void oh_client_fini(struct oh_client *client)
{
    oh_client_disconnect(client);
    oh_strbuf_fini(&client->in);
}

void oh_client_disconnect(struct oh_client *client)
{
    if (client->fd >= 0)
        (void)close(client->fd);
    client->fd = -1;
}

/* 0 on success, else an errno. The socket is non-blocking, so the wait has a limit. */
static int socket_connect(int fd, const struct addrinfo *address, int timeout_ms)
{
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    struct pollfd wait = { .fd = fd, .events = POLLOUT };
    int count = poll(&wait, 1, timeout_ms);
    if (count == 0)
        return ETIMEDOUT;
    if (count < 0)
        return errno;
    int error_number = 0;
    socklen_t size = sizeof error_number;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error_number, &size) != 0)
        return errno;
    return error_number;
}

static int socket_open(const struct addrinfo *address, int timeout_ms, int *out_error_number)
{
    int fd =
        socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address->ai_protocol);
    if (fd < 0) {
        *out_error_number = errno;
        return -1;
    }
    int error_number = socket_connect(fd, address, timeout_ms);
    if (error_number != 0) {
        (void)close(fd);
        *out_error_number = error_number;
        return -1;
    }
    int yes = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

enum oh_err oh_client_connect(struct oh_client *client, struct oh_diag *diag)
{
    if (client->fd >= 0)
        return OH_OK;
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *addresses = NULL;
    int failure = getaddrinfo(client->url.host, client->url.port, &hints, &addresses);
    if (failure != 0) {
        oh_diag_set(diag, "%s: %s", client->url.host, gai_strerror(failure));
        return OH_E_UNAVAILABLE;
    }
    int error_number = EADDRNOTAVAIL;
    for (const struct addrinfo *address = addresses; address != NULL && client->fd < 0;
         address = address->ai_next)
        client->fd = socket_open(address, client->timeout_ms, &error_number);
    freeaddrinfo(addresses);
    if (client->fd < 0) {
        oh_diag_set(diag, "cannot connect to %s port %s: %s", client->url.host, client->url.port,
                    strerror(error_number));
        return OH_E_UNAVAILABLE;
    }
    oh_strbuf_clear(&client->in);
    client->reply_size = 0;
    return OH_OK;
}

enum oh_err oh_client_send(struct oh_client *client, struct oh_bytes bytes)
{
    OH_ASSERT(client->fd >= 0);
    while (bytes.size > 0) {
        ssize_t sent = send(client->fd, bytes.data, bytes.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            bytes.data += sent;
            bytes.size -= (size_t)sent;
            continue;
        }
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return OH_E_CLOSED;
        struct pollfd wait = { .fd = client->fd, .events = POLLOUT | POLLIN };
        int count = poll(&wait, 1, client->timeout_ms);
        if (count == 0)
            return OH_E_UNAVAILABLE;
        if (count > 0 && (wait.revents & POLLIN) != 0)
            return OH_E_AGAIN;
        if (count > 0 && (wait.revents & (POLLERR | POLLHUP)) != 0)
            return OH_E_CLOSED;
    }
    return OH_OK;
}

/* Reads what is there into `in`, waiting for the first byte. */
static enum oh_err client_fill(struct oh_client *client, struct oh_diag *diag)
{
    char *to = oh_strbuf_reserve(&client->in, CLIENT_READ_SIZE);
    if (to == NULL) {
        oh_diag_set(diag, "the reply is larger than %u bytes", OH_RESPONSE_BODY_SIZE_MAX);
        return OH_E_TOO_LARGE;
    }
    for (;;) { /* ends by a byte, an error or the time limit of one quiet wait */
        ssize_t got = recv(client->fd, to, CLIENT_READ_SIZE, MSG_DONTWAIT);
        if (got > 0) {
            client->in.size += (size_t)got;
            return OH_OK;
        }
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            oh_diag_set(diag, "the server closed the connection%s%s", got == 0 ? "" : ": ",
                        got == 0 ? "" : strerror(errno));
            return OH_E_CLOSED;
        }
        struct pollfd wait = { .fd = client->fd, .events = POLLIN };
        if (poll(&wait, 1, client->timeout_ms) == 0) {
            oh_diag_set(diag, "no reply within %d ms", client->timeout_ms);
            return OH_E_UNAVAILABLE;
        }
    }
}

static enum oh_err client_receive_head(struct oh_client *client, struct oh_response_head *out_head,
                                       struct oh_diag *diag)
{
    for (;;) { /* each turn reads at least a byte, up to the largest head */
        enum oh_err err = oh_response_head_parse(oh_strbuf_bytes(&client->in), out_head);
        if (err == OH_OK && out_head->status < 200) {
            oh_strbuf_consume(&client->in, out_head->size);
            continue;
        }
        if (err == OH_OK)
            return OH_OK;
        if (err != OH_E_AGAIN) {
            oh_diag_set(diag, "the reply is not HTTP/1.1 as Onhand speaks it");
            return err;
        }
        err = client_fill(client, diag);
        if (err != OH_OK)
            return err;
    }
}

static enum oh_err client_receive_body(struct oh_client *client, const struct oh_response_head *head,
                                       struct oh_diag *diag)
{
    if (head->is_chunked || !head->has_content_length) {
        if (head->status == 204)
            return OH_OK;
        oh_diag_set(diag, "the reply has no Content-Length: this is not an Onhand server");
        return OH_E_SYNTAX;
    }
    if (head->content_length > OH_RESPONSE_BODY_SIZE_MAX) {
        oh_diag_set(diag, "the reply is larger than %u bytes", OH_RESPONSE_BODY_SIZE_MAX);
        return OH_E_TOO_LARGE;
    }
    size_t size = head->size + (size_t)head->content_length;
    while (client->in.size < size) {
        enum oh_err err = client_fill(client, diag);
        if (err != OH_OK)
            return err;
    }
    return OH_OK;
}

enum oh_err oh_client_receive(struct oh_client *client, struct oh_response *out_response,
                              struct oh_diag *diag)
{
    OH_ASSERT(client->fd >= 0);
    struct oh_response_head head = { 0 };
    oh_strbuf_consume(&client->in, client->reply_size);
    client->reply_size = 0;
    enum oh_err err = client_receive_head(client, &head, diag);
    if (err == OH_OK)
        err = client_receive_body(client, &head, diag);
    if (err != OH_OK) {
        oh_client_disconnect(client);
        return err;
    }
    client->reply_size = head.size + (size_t)head.content_length;
    out_response->status = head.status;
    out_response->retry_after_s = head.retry_after_s;
    out_response->body = (struct oh_bytes){ client->in.data + head.size, (size_t)head.content_length };
    if (head.closes)
        oh_client_disconnect(client);
    return OH_OK;
}

static enum oh_err client_exchange(struct oh_client *client, struct oh_bytes request,
                                   struct oh_response *out_response, struct oh_diag *diag)
{
    enum oh_err err = oh_client_connect(client, diag);
    if (err != OH_OK)
        return err;
    err = oh_client_send(client, request);
    if (err == OH_E_UNAVAILABLE) {
        oh_diag_set(diag, "the server took nothing for %d ms", client->timeout_ms);
        oh_client_disconnect(client);
        return err;
    }
    return oh_client_receive(client, out_response, diag);
}

enum oh_err oh_client_request(struct oh_client *client, const char *method, const char *target,
                              struct oh_bytes body, struct oh_response *out_response, struct oh_diag *diag)
{
    OH_ASSERT(oh_target_is_plain(target));
    struct oh_strbuf request;
    oh_strbuf_init(&request, CLIENT_REQUEST_HEAD_SIZE_MAX + body.size);
    oh_strbuf_printf(&request, "%s %s HTTP/1.1\r\n", method, target);
    oh_url_put_host(&client->url, &request);
    if (body.size > 0)
        oh_strbuf_printf(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n", body.size);
    oh_strbuf_put_text(&request, "\r\n");
    oh_strbuf_put_bytes(&request, body);
    enum oh_err err = OH_E_NOMEM;
    if (request.is_overflowed) {
        oh_diag_set(diag, "out of memory");
    } else {
        bool was_connected = client->fd >= 0;
        err = client_exchange(client, oh_strbuf_bytes(&request), out_response, diag);
        if (err == OH_E_CLOSED && was_connected)
            err = client_exchange(client, oh_strbuf_bytes(&request), out_response, diag);
    }
    oh_strbuf_fini(&request);
    return err;
}
