"""The gRPC face of timeclock: each method translates, and leaves deciding to commands, queries and the domain."""
