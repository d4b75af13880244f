"""May this number be called: the facts are gathered here, and the law is asked."""
