/*
 * shop.h - a ledger with short words to talk to it, for tests that tell a story.
 *
 *     shop_item(shop, "s");  shop_node(shop, "n");  shop_adjust(shop, "s", "n", 10);
 *     assert_int_equal(shop_reserve(shop, "R1", "", "s=2@n"), OH_OK_DONE);
 *
 * Every record goes, as bytes, into a second ledger as well, and shop_close
 * holds the two against each other and against what a snapshot restores: so a
 * test of what a command does is a test of its replay too. Quantities are in
 * units. Lines are written as words: see shop_reserve and shop_act.
 */
#ifndef ONHAND_TESTS_SUPPORT_SHOP_H
#define ONHAND_TESTS_SUPPORT_SHOP_H

#include "codec/record.h"
#include "onhand/ledger.h"

#define SHOP_NOW_US INT64_C(1795352400000000) /* 2026-11-22T13:00:00Z */
#define SHOP_SECOND_US INT64_C(1000000)
#define SHOP_DAY_US INT64_C(86400000000)

struct shop {
    struct oh_ledger_options options;
    struct oh_ledger *ledger;
    struct oh_ledger *replica; /* replays what the ledger records */
    int64_t now_us;
    struct oh_answer answer;   /* to the last command */
    uint32_t record_count;     /* records taken so far */
    bool keeps_record_open;    /* the next commands join one record */
    struct oh_strbuf bytes;
    struct oh_record_decoder decoder;
};

/* options NULL: small ones. Fails the test when there is no memory. Gives: shop_close. */
struct shop *shop_open(const struct oh_ledger_options *options);
/* A ledger and its replica differ, or a snapshot restores something else: fails the test. */
void shop_close(struct shop *shop);
/* Closes without a look: for tests whose ledgers part on purpose. */
void shop_drop(struct shop *shop);
/* A ledger of its own, from lazily touched memory. Gives: oh_ledger_destroy. */
struct oh_ledger *shop_ledger_create(const struct oh_ledger_options *options);
extern const struct oh_ledger_options SHOP_OPTIONS;

/* Applies at now_us; the answer is in shop->answer. */
enum oh_verdict shop_do(struct shop *shop, const struct oh_command *command);
/* Writes down what is due now; returns how many holds. */
uint32_t shop_advance(struct shop *shop);
/* Closes the open record, if any, and replays it. False: there is none. */
bool shop_take_record(struct shop *shop);

/* ---- Reference data: names of lists are words, "n1 n2" ---- */

enum oh_verdict shop_item(struct shop *shop, const char *sku);
/* Enabled, ships and collects. */
enum oh_verdict shop_node(struct shop *shop, const char *node);
enum oh_verdict shop_node_at(struct shop *shop, const char *node, double latitude, double longitude);
enum oh_verdict shop_group(struct shop *shop, const char *group, const char *nodes);
enum oh_verdict shop_member(struct shop *shop, const char *group, const char *node, int32_t priority);
enum oh_verdict shop_channel(struct shop *shop, const char *channel, enum oh_policy policy, const char *nodes,
                             const char *groups);
/* One attribute (OH_RULE_*) with a value: units, or 0 and 1. sku, node, channel: "" when not in the scope. */
enum oh_verdict shop_rule(struct shop *shop, const char *rule, const char *sku, const char *node,
                          const char *channel, uint32_t attribute, double value);
enum oh_verdict shop_rule_remove(struct shop *shop, const char *rule);
enum oh_verdict shop_fence(struct shop *shop, const char *fence, const char *sku, const char *node,
                           const char *channel, double units, enum oh_fence_policy policy);
enum oh_verdict shop_supply(struct shop *shop, const char *supply, const char *sku, const char *node, double units,
                            int64_t eta_us);
enum oh_verdict shop_import(struct shop *shop, struct oh_bytes import, uint64_t rows);

/* ---- Stock: of the state sellable, now. Returns the verdict of the entry, or that of the request. ---- */

enum oh_verdict shop_adjust(struct shop *shop, const char *sku, const char *node, double units);
enum oh_verdict shop_adjust_at(struct shop *shop, const char *sku, const char *node, double units,
                               enum oh_state state, int64_t at_us);
enum oh_verdict shop_count(struct shop *shop, const char *sku, const char *node, double units, int64_t as_of_us);

/* ---- Reservations ---- */

/* Lines are numbered from 1: "sku=units", "sku=units@node" or "sku=units@@group". Of kind cart, without an expiry. */
enum oh_verdict shop_reserve(struct shop *shop, const char *id, const char *channel, const char *lines);
/* The same with the other fields of `with`: all but id, channel and lines. */
enum oh_verdict shop_reserve_with(struct shop *shop, struct oh_reserve_command with, const char *id,
                                  const char *channel, const char *lines);
/* Lines are "line", "line=units", each with "@node" and ">to" behind it as wanted. "" is the whole. */
enum oh_verdict shop_act(struct shop *shop, enum oh_command_type type, const char *id, const char *lines);
enum oh_verdict shop_act_with(struct shop *shop, enum oh_command_type type, struct oh_action_command with,
                              const char *id, const char *lines);

/* ---- Questions ---- */

/* channel "": nobody in particular. In units. */
double shop_available(const struct shop *shop, const char *sku, const char *node, const char *channel);
struct oh_availability shop_ask(const struct shop *shop, const char *sku, const char *node, const char *channel,
                                enum oh_kind kind);
struct oh_position_view shop_position(const struct shop *shop, const char *sku, const char *node);
struct oh_asker shop_asker(const struct shop *shop, const char *channel, enum oh_kind kind);
struct oh_item_id shop_item_id(const struct shop *shop, const char *sku);
struct oh_node_id shop_node_id(const struct shop *shop, const char *node);
struct oh_reservation_id shop_reservation(const struct shop *shop, const char *id);
enum oh_status shop_status(const struct shop *shop, const char *id);
/* The claims as text: "1 n1 2.000 held 2.000; 1 - 1.000 released 1.000": line, node, quantity, its parts. */
const char *shop_claims(const struct shop *shop, const char *id);
/* The nodes of the answer's lines with what they gave: "n1=2 n2=1". */
const char *shop_picks(const struct shop *shop);
struct oh_ledger_stats shop_stats(const struct shop *shop);

#endif
