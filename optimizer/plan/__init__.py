"""The question: what the marketer asks. Frozen, validated, and free of any solver."""
