"""Tests by area; a checkout and a copy of this folder beside an installed wheel run them alike."""
