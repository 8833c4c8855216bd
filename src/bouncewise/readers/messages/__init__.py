"""Mail messages: one interpreter per form, from the standardised forms to notices for people."""
