"""The gRPC face of identity: each method translates, and leaves deciding to commands, queries and the domain."""
