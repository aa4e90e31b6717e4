"""One folder per vendor, and the few lines every vendor's folder leans on."""
