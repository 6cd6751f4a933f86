"""From a question about models and tasks to replies that are kept, and from replies to scores."""
