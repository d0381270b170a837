"""The questions of Laroche & Speagle (2024), each a package; nothing else imports them."""
