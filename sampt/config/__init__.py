"""What can be set, and the files that set it."""

from .loading import as_mapping, load_config
from .schema import Config

__all__ = ["Config", "as_mapping", "load_config"]
