"""The migration API over HTTP: endpoints, decoding, retries, the request budget and downloads."""
