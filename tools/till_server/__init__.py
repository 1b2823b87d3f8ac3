"""Local Square, Toast and Clover for tests: the parts of their APIs that pos uses, with their shapes.

They check credentials, versions and headers, page as the real ones do, can be told to be busy, and sign their webhooks.
"""
