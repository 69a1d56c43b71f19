#include "support/naive.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORIES_MAX 4000000u

/* ---- Life ------------------------------------------------------------------------------------- */

static void *must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

#define LIST(field, count) naive->field = must(calloc((count), sizeof(*naive->field)))

struct naive *naive_create(int64_t retention_us, uint64_t history_max)
{
    struct naive *naive = must(calloc(1, sizeof(*naive)));
    naive->retention_us = retention_us;
    naive->history_max = history_max;
    LIST(nodes, NAIVE_MANY);
    LIST(items, NAIVE_MANY);
    LIST(groups, NAIVE_MANY);
    LIST(channels, NAIVE_MANY);
    LIST(rules, NAIVE_MANY);
    LIST(fences, NAIVE_MANY);
    LIST(supplies, NAIVE_MANY);
    LIST(postal_codes, NAIVE_MANY);
    LIST(imports, NAIVE_MANY);
    LIST(documents, NAIVE_MANY);
    LIST(places, NAIVE_MANY);
    LIST(reservations, 1u << 20);
    LIST(live, 1u << 20);
    LIST(keys, 1u << 20);
    LIST(memories, MEMORIES_MAX);
    return naive;
}

void naive_destroy(struct naive **naive_pointer)
{
    struct naive *naive = *naive_pointer;
    for (uint32_t i = 0; i < naive->place_count; i++) {
        for (uint32_t state = 0; state < OH_STATE_COUNT; state++)
            free(naive->places[i].states[state].list);
    }
    for (uint32_t i = 0; i < naive->reservation_count; i++)
        free(naive->reservations[i].claims);
    for (uint32_t i = 0; i < naive->memory_count; i++)
        free(naive->memories[i]);
    void *lists[] = { naive->nodes, naive->items, naive->groups, naive->channels, naive->rules, naive->fences,
                      naive->supplies, naive->postal_codes, naive->imports, naive->documents, naive->places,
                      naive->reservations, naive->live, naive->keys, naive->memories };
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        free(lists[i]);
    free(naive->latest_us);
    free(naive);
    *naive_pointer = NULL;
}

void *naive_allocate(struct naive *naive, size_t size)
{
    assert(naive->memory_count < MEMORIES_MAX);
    return naive->memories[naive->memory_count++] = must(calloc(1, size + 1));
}

struct oh_bytes naive_copy(struct naive *naive, struct oh_bytes bytes)
{
    if (bytes.size == 0)
        return OH_BYTES_NONE;
    char *copy = naive_allocate(naive, bytes.size);
    memcpy(copy, bytes.data, bytes.size);
    return (struct oh_bytes){ copy, bytes.size };
}

void naive_change(struct naive *naive)
{
    if (naive->record_is_open)
        return;
    naive->record_is_open = true;
    naive->record_at_us = naive->time_us;
    naive->seq++;
}

void naive_record_end(struct naive *naive)
{
    naive->record_is_open = false;
    naive->record_ids = 0;
}

enum oh_verdict naive_refuse(struct oh_answer *answer, enum oh_verdict verdict, enum oh_field field, uint32_t index)
{
    answer->verdict = verdict;
    answer->field = field;
    answer->fault_index = index;
    return verdict;
}

/* ---- Text ------------------------------------------------------------------------------------- */

/* How many bytes the UTF-8 character at `at` has; 0: it is none, or a control character. */
static size_t character_size(const unsigned char *at, size_t left)
{
    static const struct { unsigned char low, high, size, second_low, second_high; } leads[] = {
        { 0x20, 0x7e, 1, 0, 0 },       { 0xc2, 0xdf, 2, 0x80, 0xbf }, { 0xe0, 0xe0, 3, 0xa0, 0xbf },
        { 0xe1, 0xec, 3, 0x80, 0xbf }, { 0xed, 0xed, 3, 0x80, 0x9f }, { 0xee, 0xef, 3, 0x80, 0xbf },
        { 0xf0, 0xf0, 4, 0x90, 0xbf }, { 0xf1, 0xf3, 4, 0x80, 0xbf }, { 0xf4, 0xf4, 4, 0x80, 0x8f },
    };
    for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
        if (at[0] < leads[i].low || at[0] > leads[i].high)
            continue;
        if (leads[i].size > left)
            return 0;
        if (leads[i].size > 1 && (at[1] < leads[i].second_low || at[1] > leads[i].second_high))
            return 0;
        for (size_t j = 2; j < leads[i].size; j++) {
            if ((at[j] & 0xc0) != 0x80)
                return 0;
        }
        return leads[i].size;
    }
    return 0;
}

bool naive_text_is_valid(struct oh_bytes text, size_t size_max)
{
    size_t at = 0;
    while (at < text.size) {
        size_t size = character_size((const unsigned char *)text.data + at, text.size - at);
        if (size == 0)
            return false;
        at += size;
    }
    return text.size <= size_max;
}

bool naive_id_is_valid(struct oh_bytes id)
{
    return id.size >= 1 && naive_text_is_valid(id, 64);
}

bool naive_point_is_valid(struct oh_point point)
{
    return point.latitude >= -90 && point.latitude <= 90 && point.longitude >= -180 && point.longitude <= 180;
}

/* ---- Finding ---------------------------------------------------------------------------------- */

#define FIND(list, count, member, name)                          \
    for (uint32_t i = 0; i < naive->count; i++) {                \
        if (oh_bytes_equal(naive->list[i].member, name))         \
            return i;                                            \
    }                                                            \
    return NAIVE_NONE

uint32_t naive_item_find(const struct naive *naive, struct oh_bytes sku)
{
    FIND(items, item_count, sku, sku);
}

uint32_t naive_node_find(const struct naive *naive, struct oh_bytes node)
{
    FIND(nodes, node_count, node, node);
}

uint32_t naive_group_find(const struct naive *naive, struct oh_bytes group)
{
    FIND(groups, group_count, id, group);
}

uint32_t naive_channel_find(const struct naive *naive, struct oh_bytes channel)
{
    FIND(channels, channel_count, id, channel);
}

bool naive_reservation_is_forgotten(const struct naive *naive, const struct naive_reservation *reservation)
{
    return reservation->ended_us != OH_TIME_US_NONE &&
           naive->time_us - reservation->ended_us >= naive->retention_us;
}

struct naive_reservation *naive_reservation_find(const struct naive *naive, struct oh_bytes id)
{
    for (uint32_t i = naive->reservation_count; i-- > 0;) {
        struct naive_reservation *reservation = &naive->reservations[i];
        if (oh_bytes_equal(reservation->id, id) && !naive_reservation_is_forgotten(naive, reservation))
            return reservation;
    }
    return NULL;
}

/* ---- What was asked, as text: equal requests have equal texts --------------------------------- */

struct print { char text[1u << 16]; size_t size; };

static struct print the_print;

static void print_bytes(struct oh_bytes bytes)
{
    struct print *print = &the_print;
    print->size += (size_t)snprintf(print->text + print->size, 32, "%zu:", bytes.size);
    assert(print->size + bytes.size + 64 < sizeof(print->text));
    if (bytes.size > 0)
        memcpy(print->text + print->size, bytes.data, bytes.size);
    print->size += bytes.size;
}

static void print_number(int64_t number)
{
    struct print *print = &the_print;
    assert(print->size + 64 < sizeof(print->text));
    print->size += (size_t)snprintf(print->text + print->size, 32, "%" PRId64 ",", number);
}

static void print_point(struct oh_point point)
{
    print_bytes((struct oh_bytes){ (const char *)&point, sizeof(point) });
}

static void print_names(const struct oh_bytes *names, uint32_t count)
{
    print_number(count);
    for (uint32_t i = 0; i < count; i++)
        print_bytes(names[i]);
}

static void print_entry(const struct oh_adjust_entry *entry)
{
    print_bytes(entry->sku);
    print_bytes(entry->node);
    print_bytes(entry->reason);
    print_number(entry->quantity_milli);
    print_number(entry->state);
    print_number(entry->at_us);
}

struct oh_bytes naive_entry_print(struct naive *naive, const struct oh_adjust_entry *entry)
{
    the_print.size = 0;
    print_entry(entry);
    return naive_copy(naive, (struct oh_bytes){ the_print.text, the_print.size });
}

static void print_stock(const struct oh_command *command)
{
    if (command->type == OH_COMMAND_ADJUST) {
        print_bytes(command->adjust.source);
        for (uint32_t i = 0; i < command->adjust.entry_count; i++) {
            print_bytes(command->adjust.entries[i].id);
            print_entry(&command->adjust.entries[i]);
        }
        return;
    }
    print_bytes(command->sync.source);
    for (uint32_t i = 0; i < command->sync.entry_count; i++) {
        const struct oh_sync_entry *entry = &command->sync.entries[i];
        print_bytes(entry->sku);
        print_bytes(entry->node);
        print_number(entry->quantity_milli);
        print_number(entry->state);
        print_number(entry->as_of_us);
        print_number(entry->has_source_seq);
        print_number(entry->source_seq);
    }
}

/* Of a promise what was asked is told, not what came of it. */
static void print_reserve(const struct oh_reserve_command *reserve)
{
    if (reserve->fingerprint != 0) {
        print_number((int64_t)reserve->fingerprint);
        return;
    }
    const struct oh_bytes texts[] = { reserve->id, reserve->channel, reserve->customer, reserve->order };
    print_names(texts, 4);
    print_number(reserve->kind);
    print_number(reserve->ttl_us);
    print_number(reserve->allow_partial);
    print_number(reserve->near.is_set);
    print_point(reserve->near.point);
    print_bytes((struct oh_bytes){ (const char *)&reserve->near.radius_km, sizeof(double) });
    for (uint32_t i = 0; i < reserve->line_count; i++) {
        const struct oh_reserve_line *line = &reserve->lines[i];
        const struct oh_bytes names[] = { line->sku, line->node, line->group };
        print_names(names, 3);
        print_number(line->line);
        print_number(line->quantity_milli);
    }
}

static void print_action(const struct oh_action_command *action)
{
    print_bytes(action->id);
    print_bytes(action->to_node);
    print_number(action->return_rest);
    print_number(action->ttl_us);
    print_number(action->at_us);
    for (uint32_t i = 0; i < action->line_count; i++) {
        const struct oh_action_line *line = &action->lines[i];
        print_bytes(line->node);
        print_bytes(line->to_node);
        print_number(line->line);
        print_number(line->has_quantity);
        print_number(line->quantity_milli);
    }
}

static void print_node(const struct oh_node_command *node)
{
    const struct oh_bytes texts[] = { node->node, node->name,   node->gln,    node->country,
                                      node->time_zone, node->city, node->region, node->postal_code };
    print_names(texts, 8);
    print_number(node->type);
    print_number(node->has_point);
    print_point(node->point);
    print_number(node->ships);
    print_number(node->collects);
    print_number(node->enabled);
}

static void print_rule(const struct oh_rule_command *rule)
{
    const struct oh_bytes texts[] = { rule->rule, rule->sku, rule->node, rule->channel };
    const struct oh_rule_values *values = &rule->values;
    const int64_t numbers[] = { values->mask, values->safety_stock_milli, values->threshold_milli,
                                values->min_quantity_milli, values->max_quantity_milli, values->increment_milli,
                                values->backorder_limit_milli, values->low_stock_milli, values->pickup_allowed,
                                values->ship_allowed, values->preorder };
    print_names(texts, 4);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        print_number(numbers[i]);
}

static void print_reference(const struct oh_command *command)
{
    switch ((int)command->type) {
    case OH_COMMAND_NODE:
        print_node(&command->node);
        return;
    case OH_COMMAND_ITEM:
        print_names((const struct oh_bytes[]){ command->item.sku, command->item.name, command->item.gtin,
                                               command->item.class }, 4);
        print_number(command->item.weight_grams);
        print_number(command->item.side_mm);
        print_number(command->item.volume_cm3);
        return;
    case OH_COMMAND_DOCUMENT:
        print_names((const struct oh_bytes[]){ command->document.id, command->document.body }, 2);
        print_number(command->document.kind);
        return;
    case OH_COMMAND_GROUP:
        print_names((const struct oh_bytes[]){ command->group.group, command->group.name }, 2);
        print_names(command->group.nodes, command->group.node_count);
        return;
    case OH_COMMAND_CHANNEL:
        print_names((const struct oh_bytes[]){ command->channel.channel, command->channel.name }, 2);
        print_number(command->channel.policy);
        print_names(command->channel.nodes, command->channel.node_count);
        print_names(command->channel.groups, command->channel.group_count);
        return;
    case OH_COMMAND_RULE:
        print_rule(&command->rule);
        return;
    case OH_COMMAND_FENCE:
        print_names((const struct oh_bytes[]){ command->fence.fence, command->fence.sku, command->fence.node,
                                               command->fence.channel }, 4);
        print_number(command->fence.quantity_milli);
        print_number(command->fence.policy);
        return;
    case OH_COMMAND_SUPPLY:
        print_names((const struct oh_bytes[]){ command->supply.supply, command->supply.sku, command->supply.node },
                    3);
        print_number(command->supply.quantity_milli);
        print_number(command->supply.eta_us);
        return;
    default: /* rows of an import: they carry no key */
        return;
    }
}

static struct oh_bytes request_print(struct naive *naive, const struct oh_command *command)
{
    the_print.size = 0;
    print_number(command->type);
    if (command->type == OH_COMMAND_RESERVE)
        print_reserve(&command->reserve);
    else if (command->type == OH_COMMAND_ADJUST || command->type == OH_COMMAND_SYNC)
        print_stock(command);
    else if (command->type >= OH_COMMAND_CONFIRM && command->type <= OH_COMMAND_FULFIL)
        print_action(&command->action);
    else
        print_reference(command);
    return naive_copy(naive, (struct oh_bytes){ the_print.text, the_print.size });
}

/* ---- Keys ------------------------------------------------------------------------------------- */

const struct naive_key *naive_key_find(const struct naive *naive, char space, struct oh_bytes source,
                                       struct oh_bytes name)
{
    for (uint32_t i = naive->key_count; i-- > 0;) {
        const struct naive_key *key = &naive->keys[i];
        if (naive->time_us - key->at_us >= OH_KEY_RETENTION_US)
            return NULL; /* and all before it */
        if (key->space == space && oh_bytes_equal(key->source, source) && oh_bytes_equal(key->name, name))
            return key;
    }
    return NULL;
}

void naive_key_add(struct naive *naive, char space, struct oh_bytes source, struct oh_bytes name,
                   struct oh_bytes request, const struct oh_answer *answer)
{
    naive_change(naive);
    struct naive_key *key = &naive->keys[naive->key_count++];
    *key = (struct naive_key){ space, naive_copy(naive, source), naive_copy(naive, name), request,
                               naive->record_at_us, { .seq = 0 } };
    if (answer == NULL)
        return;
    size_t size = answer->line_count * sizeof(*answer->lines);
    struct oh_answer_line *lines = naive_allocate(naive, size);
    memcpy(lines, answer->lines, size);
    key->answer = *answer;
    key->answer.lines = lines;
    key->answer.id = naive_copy(naive, answer->id);
    key->answer.seq = naive->seq;
    key->answer.at_us = naive->record_at_us;
}

/* True: the answer is the one of before, or that the key was used for something else. */
static bool key_answers(const struct naive_key *key, struct oh_bytes request, enum oh_field field,
                        struct oh_answer *answer)
{
    if (key == NULL)
        return false;
    if (!oh_bytes_equal(key->request, request)) {
        naive_refuse(answer, OH_V_IDEMPOTENCY_MISMATCH, field, OH_INDEX_NONE);
        return true;
    }
    *answer = key->answer;
    answer->is_repeat = true;
    return true;
}

/* Answers about the business are remembered: those that did something, and those of status 409. */
static bool verdict_is_remembered(enum oh_verdict verdict)
{
#define STATUS_CASE(name, number, code, http, title) \
    case name:                                       \
        return (number) < 20 || (http) == 409;
    switch (verdict) { OH_VERDICTS(STATUS_CASE) }
#undef STATUS_CASE
    return false;
}

/* ---- One command ------------------------------------------------------------------------------ */

static void command_decide(struct naive *naive, const struct oh_command *command, const struct oh_answer *said,
                           struct oh_answer *answer)
{
    if (command->type == OH_COMMAND_ADJUST)
        naive_adjust(naive, &command->adjust, answer);
    else if (command->type == OH_COMMAND_SYNC)
        naive_sync(naive, &command->sync, said, answer);
    else if (command->type == OH_COMMAND_RESERVE)
        naive_reserve(naive, &command->reserve, answer);
    else if (command->type >= OH_COMMAND_CONFIRM && command->type <= OH_COMMAND_FULFIL)
        naive_action(naive, command->type, &command->action, answer);
    else
        naive_reference(naive, command, answer);
}

static void command_answer(struct naive *naive, const struct oh_command *command, const struct oh_answer *said,
                           struct oh_answer *answer)
{
    struct oh_bytes own_id = command->type == OH_COMMAND_RESERVE ? command->reserve.id : OH_BYTES_NONE;
    if (command->key.size > 64) {
        naive_refuse(answer, OH_V_INVALID_ID, OH_FIELD_KEY, OH_INDEX_NONE);
        return;
    }
    struct oh_bytes request = command->key.size + own_id.size > 0 ? request_print(naive, command) : OH_BYTES_NONE;
    if (command->key.size > 0 &&
        key_answers(naive_key_find(naive, 'k', OH_BYTES_NONE, command->key), request, OH_FIELD_KEY, answer))
        return;
    if (own_id.size > 0 &&
        key_answers(naive_key_find(naive, 'r', OH_BYTES_NONE, own_id), request, OH_FIELD_ID, answer))
        return;
    command_decide(naive, command, said, answer);
    bool is_remembered = verdict_is_remembered(answer->verdict);
    if (command->key.size > 0 && is_remembered)
        naive_key_add(naive, 'k', OH_BYTES_NONE, command->key, request, answer);
    if (own_id.size > 0 && is_remembered)
        naive_key_add(naive, 'r', OH_BYTES_NONE, own_id, request, answer);
}

void naive_apply(struct naive *naive, int64_t now_us, const struct oh_command *command, const struct oh_answer *said,
                 struct oh_answer *out_answer)
{
    naive->time_us = naive_max(naive->time_us, now_us);
    *out_answer = (struct oh_answer){
        .type = command->type,
        .fault_index = OH_INDEX_NONE,
        .created_at_us = OH_TIME_US_NONE,
        .expires_at_us = OH_TIME_US_NONE,
        .lines = naive->lines,
    };
    naive_pending_clear(naive);
    command_answer(naive, command, said, out_answer);
    naive_pending_clear(naive);
    if (out_answer->is_repeat)
        return;
    out_answer->seq = naive->seq;
    out_answer->at_us = naive->time_us;
}
