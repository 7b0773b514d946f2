"""The room of the command line: its frame and options, and results on a terminal or in a file."""
