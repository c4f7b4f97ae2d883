"""Generation engines and the loop that serves their requests."""
