"""Lists of addresses as people keep them: read whatever their spreadsheet wrote, cleaned, and given back as they were."""
