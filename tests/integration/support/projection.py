"""A server that projects into a database, and how far it is."""
import os

from .server import Server, run, wait_until


class ProjectingServer(Server):
    """`database` is one of `postgres`."""

    def __init__(self, postgres, database, **more):
        super().__init__(arguments=['--postgres', postgres.uri(database)], **more)
        self.postgres = postgres
        self.database = database

    def seq(self):
        with self.client() as client:
            lines = client.get('/metrics').body.decode().splitlines()
        (seq,) = [int(line.split()[1]) for line in lines if line.startswith('onhand_ledger_seq ')]
        return seq

    def projected_seq(self):
        """0 before there are tables."""
        if self.postgres.query("SELECT to_regclass('onhand.watermark')", self.database) == [(None,)]:
            return 0
        return int(self.postgres.query('SELECT seq FROM onhand.watermark', self.database)[0][0])

    def wait_projected(self):
        """Everything that the server has is in the tables."""
        seq = self.seq()
        wait_until(lambda: self.projected_seq() >= seq, f'record {seq} is not projected; log:\n{self.log()}')


class RebuiltServer(ProjectingServer):
    """Each restart and each crash is one into a directory that is rebuilt from the tables."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.rebuild_count = 0

    def rebuild(self):
        self.rebuild_count += 1
        self.data = os.path.join(self.home, f'rebuilt{self.rebuild_count}')
        done = run('rebuild', '--postgres', self.postgres.uri(self.database), '--data', self.data)
        if done.returncode != 0:
            raise AssertionError(f'rebuild: {done}')

    def restart(self):
        self.wait_projected()
        self.stop()
        self.rebuild()
        return self.start()

    def crash(self):
        self.wait_projected()
        self.kill()
        self.rebuild()
        return self.start()
