"""National do-not-call registries as files of ours: imported once, looked up through a memory map."""

from manualdial.registries.held_copies import HeldCopies
