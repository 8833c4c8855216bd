"""Mailboxes as inputs: IMAP, POP3, Microsoft Graph and the API of Gmail behind one interface."""
