"""What every client of an endpoint needs: what the endpoint is capable of, and the key to it."""
