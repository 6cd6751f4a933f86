"""Published sets: each module declares some, in `TASKS`, and reads their files."""
