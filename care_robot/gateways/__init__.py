"""Ways out of the house: notifications."""
