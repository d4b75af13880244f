"""Every message on the wire, one frozen struct each, a file for each subject: the source of `schemas/`."""
