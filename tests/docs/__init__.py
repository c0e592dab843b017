"""Tests of the documents: tutorials that run, a site that builds, words that are there."""
