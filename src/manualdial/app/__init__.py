"""The composition root: the only package that knows every class. Starts in order, stops in reverse."""
