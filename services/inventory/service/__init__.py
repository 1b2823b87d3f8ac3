"""The gRPC face of inventory: each method translates, and leaves deciding to commands, queries and the domain."""
