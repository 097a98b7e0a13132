"""What the user asked for: flags, environment, config file, credentials and targets."""
