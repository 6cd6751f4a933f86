"""What a reply is worth: extraction, metrics, errors, comparisons."""
