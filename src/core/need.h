/*
 * need.h - whether there is room for a command: in the record that is open, and in the ledger.
 *
 * It is asked before the command is decided. What fits cannot fail half done.
 */
#ifndef ONHAND_CORE_NEED_H
#define ONHAND_CORE_NEED_H

#include "onhand/command.h"

struct oh_ledger;

enum room { ROOM_ENOUGH, ROOM_NONE_IN_RECORD /* it has to be taken first */, ROOM_NONE_IN_LEDGER };

/*
 * For an action or a replace ledger->named_reservation is known already.
 *
 * Cost: O(entries), O(bookings of the reservation).
 */
enum room command_room(const struct oh_ledger *ledger, const struct oh_command *command);

#endif
