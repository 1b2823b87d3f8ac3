"""The gRPC face of billing: each method translates, and leaves deciding to commands, queries and the domain."""
