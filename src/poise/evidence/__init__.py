"""What the figures are worth: replay on real history, made-up companies, calibration, and their pictures."""
