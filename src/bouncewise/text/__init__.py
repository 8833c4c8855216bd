"""The text of a reply before any rule is applied: masked, reduced to words, searched and quoted."""
