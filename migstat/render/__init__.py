"""From reports to text: one file a format. Nothing here prints."""
