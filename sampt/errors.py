"""Exceptions that callers of sampt may want to catch.

``SamptError`` is the base class. Its message is one sentence that names the file or option at fault and the
remedy; the command line prints it and exits with code 2.
"""


class SamptError(Exception):
    """Base class of all errors that a user can fix: bad input, or a problem of the system."""


class VideoError(SamptError):
    """A video or image cannot be read or written."""


class PromptError(SamptError):
    """Query points, masks or boxes do not fit the video."""


class ConfigError(SamptError):
    """A configuration file, an override or a registry name is wrong."""


class CheckpointError(SamptError):
    """A checkpoint is missing, corrupt, or belongs to another model."""


class DeviceMemoryError(SamptError):
    """A GPU's memory is too small, even after retrying with less of it."""


class EvaluationError(SamptError):
    """Results and annotations do not match."""


class OutputError(SamptError):
    """Results cannot be written to the given place."""


class DatasetError(SamptError):
    """A dataset's folder has the wrong layout, or one of its files is invalid."""


class EngineError(SamptError):
    """Work cannot be distributed, or its workers crashed repeatedly."""
