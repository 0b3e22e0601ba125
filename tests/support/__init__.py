"""Helpers of several test modules: worlds to run in, deliveries to break, clocks, servers, rules."""
