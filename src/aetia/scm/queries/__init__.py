"""From the text of a question to the events and worlds that it is about."""
