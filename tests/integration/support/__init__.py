"""What the integration tests share: a server process, a client, a test case."""
