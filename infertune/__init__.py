"""infertune: which inference configuration buys the most utility per token, and how sure are we?"""

__version__ = "0.1.0"
