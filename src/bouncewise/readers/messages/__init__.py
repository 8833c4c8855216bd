"""Mail messages: what each interpreter reads, from the standard forms to notices written for people."""
