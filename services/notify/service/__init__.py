"""The gRPC face of notify: each method translates, and leaves deciding to commands, queries and the domain."""
