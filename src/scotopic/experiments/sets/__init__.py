"""What methods are scored on."""
