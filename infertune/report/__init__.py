"""How an answer is shown: as a table, as JSON, as a picture, and as a file that runs again."""
