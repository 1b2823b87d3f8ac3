"""What pos reaches outside itself: identity, the till systems of others, and the payment provider."""
