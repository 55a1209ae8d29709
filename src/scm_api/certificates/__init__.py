"""What was issued: read, download, renew, revoke."""
