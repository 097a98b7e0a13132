"""migstat: the status of a migration to Atlassian Cloud, from the command line."""

__version__ = "0.1.0"
