"""Messages that ask: the table of contents, the dispatcher, and what each family of requests gets."""
