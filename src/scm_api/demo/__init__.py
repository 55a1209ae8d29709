"""`scm-api demo`: the whole service on this machine, and its main job done once before your eyes.

It plays the part of an operator and a client: PostgreSQL, the AWS simulator, the API and a worker
are processes of their own, and everything after that goes through the public REST API.
"""
