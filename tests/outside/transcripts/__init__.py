"""Pages of documentation, and what it takes to run the commands in them."""
