"""What Windows servers demand of callers: NTLM and Kerberos, plain or inside SPNEGO."""
