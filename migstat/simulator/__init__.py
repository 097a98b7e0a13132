"""A loopback server that answers like the vendor's migration status API, for tests and rehearsals."""
