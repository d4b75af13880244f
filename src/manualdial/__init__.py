"""Have a number dialled for the agent who is logged in, asked by one message on a bus.

The rooms stand in the order of a press, and imports only point down it: ARCHITECTURE.md has the list, and `make check`
proves it.
"""

__version__ = "0.1.0"
