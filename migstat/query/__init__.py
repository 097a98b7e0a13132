"""Complete views of a job and its tasks: the walk over pages, the status tree, and reports."""
