/*
 * linear.h - is there an order? A checker of histories of concurrent clients.
 *
 * A history is what clients saw: when each request was sent, when its answer
 * came (or that none came), what was asked and answered, and when the server
 * crashed. lin_check() decides by search whether one order of the requests
 * exists that respects real time and in which every answer is the one that a
 * naive sequential ledger (model.h) gives. A second rule, which has nothing to
 * do with the search, replays the history in the order of the `seq` that the
 * server answered.
 *
 * It shares no code with the product and takes nothing on trust but the
 * times, which must be of one clock that does not step back.
 *
 * The items of a history fall into parts that no request spans (a request of
 * two lines joins two items, promises into one window of capacity join theirs),
 * and each part is searched on its own. Within a
 * part the search is that of Wing and Gong, with Lowe's memoisation, ordered
 * by events: after each answer it holds every state that can explain all
 * answers so far, so memory follows concurrency and not length.
 *
 * A crash. A write without an answer in its life of the server may be kept or
 * lost; what is lost is a tail of the order. Until the crash, reads (and only
 * reads) may have seen that tail. A write that is asked again under its key
 * after the crash takes effect then, if it was lost, and not again if it was
 * kept. Nothing else is allowed.
 *
 * One thread for each history. No limit on length; limits below.
 */
#ifndef ONHAND_TESTS_LINEAR_H
#define ONHAND_TESTS_LINEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIN_NEVER       INT64_MAX /* a return that did not come; an expiry there is none of */
#define LIN_UNSAID      INT64_MIN /* a number that was not answered, or that the caller does not want judged */
#define LIN_ANY_NODE    UINT32_MAX
#define LIN_LINES_MAX   4u
#define LIN_CLAIMS_MAX  8u
#define LIN_NODES_MAX   32u /* nodes of a history */
#define LIN_NAME_SIZE   24u
#define LIN_SLOTS_MAX   64u      /* requests of one part under way at once */
#define LIN_STATES_MAX  200000u  /* states held at once; beyond it a history is LIN_TOO_HARD, never "good" */

/* X(name, word): what it asks with */
#define LIN_KINDS(X)                                                                              \
    X(LIN_ADJUST, "adjust")   /* lines: item, node, delta */                                      \
    X(LIN_SYNC, "sync")       /* lines: item, node, count; as_of, before every movement's time */ \
    X(LIN_SUPPLY, "supply")   /* supply, lines[0]: item, node, quantity to come; eta, after every other time */ \
    X(LIN_RESERVE, "reserve") /* reservation, lines: item, node or any, quantity; ttl_us */       \
    X(LIN_PROMISE, "promise") /* the same at any one node that has it all, and a place in window */ \
    X(LIN_CONFIRM, "confirm") /* reservation, whole, as are the next two */                       \
    X(LIN_RELEASE, "release")                                                                     \
    X(LIN_FULFIL, "fulfil")                                                                       \
    X(LIN_EXTEND, "extend") /* ttl_us; 0: no end */                                               \
    X(LIN_CHANGE, "change") /* lines[0].quantity, of a reservation with one claim */              \
    X(LIN_MOVE, "move")     /* lines[0].node, of a reservation with one claim */                  \
    X(LIN_LIMIT, "limit")   /* window, lines[0].quantity: how many promises it takes, from now on */ \
    X(LIN_READ, "read")     /* lines[0]: item at node, or at any: the sum of what is available, now or by an eta */ \
    X(LIN_STATUS, "status") /* of a reservation */

#define LIN_KIND_ENUM(name, word) name,
enum lin_kind {
    LIN_KINDS(LIN_KIND_ENUM)
};

/* What was answered. LIN_NONE goes with return_us == LIN_NEVER, and only with it. */
#define LIN_ANSWERS(X)                          \
    X(LIN_NONE, "-")                            \
    X(LIN_OK, "ok")                             \
    X(LIN_INSUFFICIENT, "insufficient")         \
    X(LIN_NOT_PROMISABLE, "not_promisable")     \
    X(LIN_UNKNOWN, "unknown")                   \
    X(LIN_NOT_CONFIRMED, "not_confirmed")       \
    X(LIN_ALREADY_CONFIRMED, "already_confirmed") \
    X(LIN_ALREADY_FULFILLED, "already_fulfilled") \
    X(LIN_ALREADY_RELEASED, "already_released") \
    X(LIN_EXPIRED, "expired")                   \
    X(LIN_SAME_NODE, "same_node")               \
    X(LIN_STALE, "stale")                       \
    X(LIN_UNCHANGED, "unchanged")               \
    X(LIN_HELD, "held") /* this and the next three: a status, as are released and expired */ \
    X(LIN_CONFIRMED, "confirmed")               \
    X(LIN_FULFILLED, "fulfilled")               \
    X(LIN_RELEASED, "released")

#define LIN_ANSWER_ENUM(name, word) name,
enum lin_answer {
    LIN_ANSWERS(LIN_ANSWER_ENUM)
};

struct lin_line {
    uint32_t item;     /* of lin_item() */
    uint32_t node;     /* of lin_node(), or LIN_ANY_NODE: all nodes, in the order they were named in */
    int64_t quantity;  /* asked */
    int64_t available; /* answered: what there is (adjust, sync: after it; a refusal: for this line), or LIN_UNSAID */
};

struct lin_claim {
    uint32_t line; /* index into lines */
    uint32_t node;
    int64_t quantity;
};

/*
 * One request, sent once. A request sent again is another one with the same key: all of one key are one
 * operation, which takes effect once, and which is answered alike each time. (LIN_UNKNOWN and LIN_SAME_NODE use no
 * key up: a request that is answered so is an operation of its own.)
 */
struct lin_op {
    enum lin_kind kind;
    enum lin_answer answer;
    uint32_t client;
    uint32_t line_count;
    uint64_t key;     /* 0: none, so it is never sent again */
    uint64_t request; /* not 0: several operations in one request, which may share a seq */
    int64_t invoke_us;
    int64_t return_us;
    uint64_t reservation;
    int64_t ttl_us;
    int64_t as_of;
    uint32_t supply; /* of lin_supply(), with the next one */
    uint32_t window; /* of lin_window(): promise, limit */
    int64_t eta;     /* on the calendar of supplies; only compared with other eta and by */
    int64_t by;      /* read; LIN_UNSAID: now */
    struct lin_line lines[LIN_LINES_MAX];
    /* Answered, else LIN_UNSAID: */
    int64_t seq;
    int64_t created_us; /* reserve, promise */
    int64_t expires_us; /* reserve, promise, extend; LIN_NEVER: it has no end */
    int64_t sellable;   /* read of a node, with the next two */
    int64_t held;
    int64_t confirmed;
    uint32_t claim_count; /* reserve, promise: UINT32_MAX when not said */
    struct lin_claim claims[LIN_CLAIMS_MAX];
};

/* X(name, word, sentence) */
#define LIN_VERDICTS(X)                                                                    \
    X(LIN_GOOD, "good", "there is an order")                                               \
    X(LIN_MALFORMED, "malformed", "the history contradicts itself")                        \
    X(LIN_TOO_HARD, "too_hard", "there are too many possible orders to decide")            \
    X(LIN_ANSWERS_DIFFER, "answers_differ", "the same key was answered in two ways")       \
    X(LIN_STALE_VIEW, "stale_view", "it answers what was true before it was asked")        \
    X(LIN_FROM_THE_FUTURE, "from_the_future", "it answers what was true only after it")    \
    X(LIN_LOST, "lost", "an answered write has no effect")                                 \
    X(LIN_TWICE, "twice", "a write took effect twice")                                     \
    X(LIN_EXPIRY, "expiry", "an end of a hold was not kept, or came early")                \
    X(LIN_TORN, "torn", "one request took effect in parts")                                \
    X(LIN_OVERSOLD, "oversold", "more was given than there was")                           \
    X(LIN_REFUSED, "refused", "refused, though there was stock")                           \
    X(LIN_FIGURE, "figure", "the answer may be right, but not a figure in it")             \
    X(LIN_NO_ORDER, "no_order", "no order explains it")                                    \
    X(LIN_SEQ_TWICE, "seq_twice", "two writes have one seq")                               \
    X(LIN_SEQ_ORDER, "seq_order", "seq contradicts real time")                             \
    X(LIN_SEQ_ANSWER, "seq_answer", "the answer is not that of its place in the order of seq")

#define LIN_VERDICT_ENUM(name, word, sentence) name,
enum lin_verdict {
    LIN_VERDICTS(LIN_VERDICT_ENUM)
};

struct lin_options {
    /*
     * How far the server's own clock reading may lie before an operation was sent and after it was answered. 0
     * when times of the history are those of the server's clock; more for a real process, which reads its clock
     * once before it looks at many requests.
     */
    int64_t clock_early_us;
    int64_t clock_late_us;
    bool without_reasons; /* do not search for what would make a bad history good: it takes time */
};

struct lin_result {
    enum lin_verdict verdict;
    uint32_t op;         /* the one that cannot be explained, in the order of lin_add(); UINT32_MAX: none */
    uint32_t cause;      /* the one that is lost, doubled, torn, ..; UINT32_MAX: none */
    uint64_t states_max; /* the most states held at once */
    uint32_t parts;      /* how many parts the history fell into */
    char sentence[512];  /* for people */
};

struct lin_history;

/* NULL: out of memory. */
struct lin_history *lin_create(const struct lin_options *options);
void lin_destroy(struct lin_history **history);

/* The number of a name, new when it is new. UINT32_MAX: too many nodes, or out of memory. */
uint32_t lin_item(struct lin_history *history, const char *name);
uint32_t lin_node(struct lin_history *history, const char *name);

/* The same for windows of capacity and for supplies to come. */
uint32_t lin_window(struct lin_history *history, const char *name);
uint32_t lin_supply(struct lin_history *history, const char *name);

/* An operation with nothing answered and nothing asked. */
void lin_op_init(struct lin_op *op, enum lin_kind kind);

/* Copies. In any order of time. False: out of memory. */
bool lin_add(struct lin_history *history, const struct lin_op *op);

/* The server died by then, with everything it had sent received before, and nothing of it came after. */
bool lin_crash(struct lin_history *history, int64_t at_us);

uint32_t lin_count(const struct lin_history *history);
const struct lin_op *lin_op_at(const struct lin_history *history, uint32_t index);

/* Decides. May be called again after more was added. */
void lin_check(struct lin_history *history, struct lin_result *out_result);

const char *lin_verdict_word(enum lin_verdict verdict);

/* One line of text, as lin_read_line() reads it. Returns its length, cut at size - 1. */
size_t lin_write_op(const struct lin_history *history, const struct lin_op *op, char *text, size_t size);

/*
 * lin_read_line - add what a line of a history file says; empty lines and "# .." say nothing.
 *
 * Shapes: "nodes n1 n2", "crash AT", or
 *         "CLIENT INVOKE RETURN|- [kKEY] KIND [rN] [ITEM@NODE|ITEM@* QUANTITY].. [ttl=US] [as_of=N] [to=NODE]
 *          [supply=SUPPLY] [eta=N] [by=N] [in=WINDOW] [most=N] [request=N]
 *          [-> ANSWER [ITEM@NODE=AVAILABLE].. [claim=LINE@NODE:QUANTITY].. [created=US]
 *          [expires=US|never] [sellable=N] [held=N] [confirmed=N] [seq=N]]"
 * False:  the line is none of these, or out of memory; *out_problem says which word.
 */
bool lin_read_line(struct lin_history *history, const char *line, const char **out_problem);

#endif
