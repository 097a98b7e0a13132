"""The data of the program: nodes, verdicts, events, reports, and how they are published."""
