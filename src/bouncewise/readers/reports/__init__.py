"""Reports of receivers about the mail of a domain: DMARC aggregate reports and SMTP TLS reports."""
