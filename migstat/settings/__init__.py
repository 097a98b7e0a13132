"""Settings: flags, environment, config file, credentials and targets."""
