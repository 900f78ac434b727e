"""Speed and agreement beside the tools a user would pick instead; see README.md."""
