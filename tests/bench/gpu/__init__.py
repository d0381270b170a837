"""What a GPU is worth: the tests that need one, and the benchmarks against their floors."""
