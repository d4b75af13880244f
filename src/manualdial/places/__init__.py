"""Where a called party may be: a number, a ZIP code or a stated place → a set of jurisdictions and time zones."""
