"""A simulator of Microsoft AD CS on sockets (`scm-api sandbox microsoft`)."""
