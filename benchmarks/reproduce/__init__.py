"""The rows of SAM-PT's papers: what each needs, its run, and ours beside the published number."""
