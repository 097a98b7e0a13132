"""Following a task: cheap polls, the generator of events, and the record of a night."""
