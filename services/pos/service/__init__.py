"""The gRPC face of pos: each method translates, and leaves deciding to commands, queries and the domain."""
