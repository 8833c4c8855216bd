"""The service: receives bounces all day, and answers mail servers before they send."""
