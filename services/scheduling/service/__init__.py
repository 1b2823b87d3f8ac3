"""The gRPC face of scheduling: each method translates, and leaves deciding to commands, queries and the domain."""
