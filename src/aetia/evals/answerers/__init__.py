"""Whatever replies: models here, endpoints, references."""
