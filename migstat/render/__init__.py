"""From reports to text: one file per format. Nothing here prints."""
