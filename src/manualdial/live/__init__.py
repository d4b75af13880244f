"""One cell's memory: logins, live calls, their progress, and their comparison with the engines."""
