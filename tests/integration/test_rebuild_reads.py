"""
The tests of what survives a restart, with `onhand rebuild` in the place of each: a server on a directory made from the
tables answers every read as before, knows every key, and goes on with open holds, imports, fences and counts.
"""
import test_fences
import test_idempotency
import test_import
import test_model
import test_near
import test_reservations

from support.case import main
from support.postgres import PostgresCase
from support.projection import RebuiltServer


class RebuiltCase(PostgresCase):
    def make_server(self):
        return RebuiltServer(self.postgres, self.postgres.create_database(), durability=self.durability,
                             config=self.config)


def rebuilt(case, *names):
    """The named tests of a case, all when none is named."""
    others = {name: None for name in dir(case) if name.startswith('test_') and names and name not in names}
    return type('Rebuilt' + case.__name__, (RebuiltCase, case), others)


Idempotency = rebuilt(test_idempotency.Idempotency)
Fences = rebuilt(test_fences.Fences, 'test_a_restricted_fence_used_up_sells_nothing')
Import = rebuilt(test_import.Import, 'test_every_kind_as_csv', 'test_an_import_goes_on_where_it_was')
Near = rebuilt(test_near.Near, 'test_a_node_that_moves_is_found_where_it_is')
Life = rebuilt(test_reservations.Life, 'test_what_was_released_before_the_rest_expired',
               'test_a_reservation_of_nothing_survives_a_crash', 'test_actions_survive_a_crash')
RandomOperations = rebuilt(test_model.RandomOperations)


if __name__ == '__main__':
    main()
