"""The user's own files: their places, and writing them whole."""
