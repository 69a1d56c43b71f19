"""
What clients were answered, added up: the oracle of test_kill.py.

It decides nothing. The effect of a write is what its answer says; a position is the sum of the effects; the same
request is answered alike for ever. Where an answer does not say enough (counts), the sum does not depend on the order.
"""
from .case import seconds


class Wrong(AssertionError):
    """The server broke its word."""


class Reservation:
    """Claims as answered: {(line, sku): [node, quantity, stage]}, one claim a line."""

    def __init__(self, answer):
        self.id = answer['id']
        self.expires_at = seconds(answer['expires_at']) if answer['expires_at'] else None
        self.claims = {}
        for line in answer['lines']:
            if len(line['claims']) != 1 or line['claims'][0]['quantity'] != line['requested']:
                raise Wrong(f'not all of a line, at one node: {answer}')
            self.claims[line['line']] = [line['sku'], line['claims'][0]['node'], line['requested'], 'held']

    def stage(self):
        return next(iter(self.claims.values()))[3]

    def is_over(self, now):
        return self.stage() == 'held' and self.expires_at is not None and self.expires_at <= now


class Oracle:
    def __init__(self):
        self.reservations = {}
        self.moved = {}       # (sku, node): sum of all movements
        self.counts = {}      # (sku, node): (as_of, quantity) of the greatest count
        self.answers = {}     # key: what it was answered, status aside
        self.seqs = set()     # of records that an answer named
        self.last_seq = 0
        self.unnamed = 0      # records that certainly exist, whose seq nobody was told
        self.may_be_more = 0  # records that may exist besides: of imports, of ends of holds

    # ---- answers

    def take(self, op, status, answer):
        """An answer to a request, the first one or a repeat."""
        if op.key in self.answers:
            if self.answers[op.key] != answer:
                raise Wrong(f'{op.key} was answered\n{self.answers[op.key]}\nand now\n{answer}')
            return
        if op.repeats:
            self.answers[op.key] = answer
        getattr(self, 'take_' + op.kind)(op, status, answer)

    def record(self, op, answer):
        """A write of its own has a seq of its own, after all that were answered before it was sent."""
        if answer['seq'] in self.seqs or answer['seq'] <= op.floor:
            raise Wrong(f'seq {answer["seq"]} was given twice, or not after {op.floor}: {answer}')
        self.seqs.add(answer['seq'])
        self.last_seq = max(self.last_seq, answer['seq'])

    def expect(self, is_right, op, answer):
        if not is_right:
            raise Wrong(f'{op.kind} {op.body} was answered {answer}')

    def take_reserve(self, op, status, answer):
        self.record(op, answer)
        if status == 409:
            self.expect(answer['code'] == 'insufficient_stock', op, answer)
            return
        self.expect(status in (200, 201), op, answer)
        self.reservations[answer['id']] = Reservation(answer)
        self.may_be_more += answer['expires_at'] is not None

    def take_batch(self, op, status, answer):
        """All new ones have the seq of one record."""
        self.expect(status == 200, op, answer)
        named = set()
        for request, result in zip(op.body['reservations'], answer['results'], strict=True):
            inner = result.get('reservation') or result['problem']
            named.add(inner['seq'])
            if 'reservation' in result:
                self.expect(inner['id'] == request['id'], op, answer)
                self.reservations[inner['id']] = Reservation(inner)
            else:
                self.expect(inner['code'] == 'insufficient_stock', op, answer)
        self.expect(len(named) == 1, op, answer)
        self.record(op, {'seq': named.pop()})

    def take_step(self, op, status, answer):
        """confirm, release, fulfil, extend of a whole reservation; the client that owns it asks only what it can."""
        self.record(op, answer)
        claim = self.reservations[op.reservation]
        if status == 409:
            self.expect(claim.expires_at is not None and answer['code'] == 'expired', op, answer)
            for one in claim.claims.values():
                one[3] = 'expired'
            return
        self.expect(status == 200, op, answer)
        said = {line['line']: (line['sku'], line['node'], line['quantity']) for line in answer['lines']}
        wanted = {line: (sku, node, quantity) for line, (sku, node, quantity, _) in claim.claims.items()}
        self.expect(said == wanted, op, answer)
        for one in claim.claims.values():
            if op.step == 'fulfil':
                self.move(one[0], one[1], -one[2])
            one[3] = {'confirm': 'confirmed', 'release': 'released', 'fulfil': 'fulfilled'}[op.step]

    def take_change(self, op, status, answer):
        self.record(op, answer)
        self.take_one_claim(op, status, answer)

    take_move = take_change

    def take_one_claim(self, op, status, answer):
        if status == 409:
            self.expect(answer['code'] in ('insufficient_stock', 'expired'), op, answer)
            return
        self.expect(status == 200 and len(answer['lines']) == 1, op, answer)
        one, line = self.reservations[op.reservation].claims[1], answer['lines'][0]
        if op.kind == 'change':
            self.expect(one[2] + line['quantity'] == op.body['lines'][0]['quantity'], op, answer)
            one[2] += line['quantity']
        else:
            self.expect((line['node'], line['quantity']) == (op.body['to_node'], one[2]), op, answer)
            one[1] = line['node']

    def move(self, sku, node, quantity):
        self.moved[sku, node] = self.moved.get((sku, node), 0) + quantity

    def take_adjust(self, op, status, answer):
        """Entries with ids of their own may have been applied by a request whose answer was lost."""
        self.expect(status == 200, op, answer)
        verdicts = {entry['verdict'] for entry in answer['entries']}
        self.expect(verdicts in ({'ok'}, {'repeated'}) and (verdicts == {'ok'} or op.tries > 1), op, answer)
        if verdicts == {'ok'}:
            self.record(op, answer)
        else:
            self.unnamed += 1
        for request, entry in zip(op.body['entries'], answer['entries'], strict=True):
            self.expect(entry['verdict'] == 'repeated' or entry['quantity'] == request['quantity'], op, answer)
            self.move(request['sku'], request['node'], request['quantity'])

    def count(self, sku, node, as_of, quantity):
        was = self.counts.get((sku, node), ('', 0))
        self.counts[sku, node] = max(was, (as_of, quantity))

    def take_sync(self, op, status, answer):
        self.expect(status == 200, op, answer)
        self.record(op, answer)
        entry = op.body['entries'][0]
        self.count(entry['sku'], entry['node'], entry['as_of'], entry['quantity'])

    def take_import(self, op, status, answer):
        self.expect(status == 200 and answer['rejected'] == 0 and answer['rows'] == len(op.rows), op, answer)
        for row in op.rows:
            self.count(*row)
        self.may_be_more += len(op.rows)

    # ---- sums

    def positions(self, now):
        """{(sku, node): (sellable, held, confirmed)}, of all that something happened to."""
        sums = {}
        for place in set(self.moved) | set(self.counts):
            sums[place] = [self.moved.get(place, 0) + self.counts.get(place, ('', 0))[1], 0, 0]
        for claim in self.reservations.values():
            for sku, node, quantity, stage in claim.claims.values():
                if stage in ('held', 'confirmed') and not claim.is_over(now):
                    sums.setdefault((sku, node), [0, 0, 0])[1 if stage == 'held' else 2] += quantity
        return {place: tuple(figures) for place, figures in sums.items()}

    def ends_between(self, start, end):
        return any(claim.stage() == 'held' and claim.expires_at is not None and start <= claim.expires_at <= end
                   for claim in self.reservations.values())

    def check_seqs(self, first, last):
        """Dense: what no answer named is accounted for, one by one."""
        missing = last - first + 1 - len(self.seqs)
        if any(not first <= seq <= last for seq in self.seqs):
            raise Wrong(f'a seq beyond {first}..{last}: {min(self.seqs)}..{max(self.seqs)}')
        if not self.unnamed <= missing <= self.unnamed + self.may_be_more:
            raise Wrong(f'{missing} records of {first}..{last} were never answered; '
                        f'{self.unnamed} to {self.unnamed + self.may_be_more} can be')
