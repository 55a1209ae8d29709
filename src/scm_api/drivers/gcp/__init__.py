"""Google Cloud Certificate Authority Service, API v1 over gRPC."""
