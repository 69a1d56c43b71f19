/*
 * shape_table.h - the shape of every object the API and the imports take.
 *
 * Where an object is not a command as it stands, it is bound to a form here
 * and the caller makes the command of it. Any thread: constants.
 */
#ifndef ONHAND_CODEC_SHAPE_TABLE_H
#define ONHAND_CODEC_SHAPE_TABLE_H

#include "codec/json_request.h"
#include "codec/shape.h"
#include "onhand/command.h"

/* {lat, lon} or {postal_code, country}, with radius_km? and, for questions, limit?. */
struct oh_near_form {
    bool is_set;
    bool has_point; /* else the postal code is to be looked up */
    struct oh_point point;
    double radius_km; /* 0: no bound */
    struct oh_bytes country;
    struct oh_bytes postal_code;
    uint32_t limit;
};

struct oh_reserve_form {
    struct oh_bytes key;               /* in a batch */
    struct oh_reserve_command reserve; /* all but `near` */
    struct oh_near_form near;
};

struct oh_batch_form {
    struct oh_reserve_form *reservations;
    uint32_t reservation_count;
};

struct oh_destination_form { struct oh_bytes country, postal_code; };

struct oh_delivery_form {
    struct oh_delivery_report report; /* complete once `finish` has looked at it */
    struct oh_destination_form destination;
    struct oh_bytes handed_over_at; /* as written: its date says the weekday */
};

struct oh_deliveries_form {
    struct oh_delivery_form *deliveries;
    uint32_t delivery_count;
};

struct oh_availability_form {
    struct oh_availability_request request; /* all but `near` and `near_limit` */
    struct oh_near_form near;
};

extern const struct oh_shape oh_shape_node;         /* struct oh_node_command */
extern const struct oh_shape oh_shape_item;         /* struct oh_item_command */
extern const struct oh_shape oh_shape_group;        /* struct oh_group_command */
extern const struct oh_shape oh_shape_group_member; /* struct oh_group_member_command; rows only */
extern const struct oh_shape oh_shape_channel;      /* struct oh_channel_command */
extern const struct oh_shape oh_shape_rule;         /* struct oh_rule_command */
extern const struct oh_shape oh_shape_fence;        /* struct oh_fence_command */
extern const struct oh_shape oh_shape_supply;       /* struct oh_supply_command */
extern const struct oh_shape oh_shape_postal_code;  /* struct oh_postal_code_command; rows only */
extern const struct oh_shape oh_shape_adjust;       /* struct oh_adjust_command */
extern const struct oh_shape oh_shape_sync;         /* struct oh_sync_command */
extern const struct oh_shape oh_shape_sync_entry;   /* struct oh_sync_entry */
extern const struct oh_shape oh_shape_deliveries;   /* struct oh_deliveries_form */
extern const struct oh_shape oh_shape_reserve;      /* struct oh_reserve_form */
extern const struct oh_shape oh_shape_batch;        /* struct oh_batch_form */
extern const struct oh_shape oh_shape_availability; /* struct oh_availability_form */

/* struct oh_action_command. NULL when the type is no action on a reservation. */
const struct oh_shape *oh_shape_of_action(enum oh_command_type type);

#endif
