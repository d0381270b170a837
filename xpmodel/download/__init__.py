"""Published data sets, and how to fetch them from the network without losing a byte."""
