"""What starts servers with settings under search, and takes their load."""
