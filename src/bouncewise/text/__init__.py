"""What the text of a reply is before any rule sees it: masked, as bare words, as phrases, as quotations."""
