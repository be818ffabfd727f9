"""Hard negatives: what a query finds and should not."""
