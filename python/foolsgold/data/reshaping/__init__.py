"""Rows of one shape as rows of another: any to any, as work on text ids."""
