"""Stars as files in other programs' formats, and sent to running programs by SAMP."""
