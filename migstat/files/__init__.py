"""The user's own files: where they are, and writing them whole."""
