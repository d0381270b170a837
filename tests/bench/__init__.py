"""Times of what a user waits for, beside floors measured in the same run: ``make bench``."""
