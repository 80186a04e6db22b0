"""The stages of the pipeline: they read finished files and write finished files."""
