"""Settings, and the files that hold them."""

from .loading import as_mapping, load_config
from .schema import Config

__all__ = ["Config", "as_mapping", "load_config"]
