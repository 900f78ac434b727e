"""What the model is and where it came from: resolved, derived from its files, declared by people."""
