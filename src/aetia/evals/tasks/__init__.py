"""Generated tasks: each module declares some, in `TASKS`."""
