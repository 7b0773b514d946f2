"""What an answer depends on; every result holds tables."""
