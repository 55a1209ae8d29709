"""DigiCert CertCentral Services API v2."""
