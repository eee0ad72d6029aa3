"""Measuring: public benchmarks, cases of our own, and the lab."""
