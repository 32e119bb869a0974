"""The exceptions that a caller of sampt may want to catch.

``SamptError`` is the root. Its message is one sentence that names the file or option at fault and the
remedy; the command line prints it as it is and exits with code 2.
"""


class SamptError(Exception):
    """Anything that is wrong with what the user gave, or with the world around the program."""


class VideoError(SamptError):
    """A video or image cannot be read or written."""


class PromptError(SamptError):
    """Query points, masks or boxes that make no sense for this video."""


class ConfigError(SamptError):
    """A configuration file, an override or a registry name is wrong."""


class CheckpointError(SamptError):
    """A checkpoint is missing, corrupt, or belongs to another model."""


class DeviceMemoryError(SamptError):
    """A GPU's memory is too small, even after using less of it was tried."""


class EvaluationError(SamptError):
    """Results and annotations do not match."""


class OutputError(SamptError):
    """Results cannot be written where they were asked for."""


class DatasetError(SamptError):
    """A dataset's folder is not laid out as it should be, or one of its files is wrong."""


class EngineError(SamptError):
    """Work cannot be handed out, or whoever did it died again and again."""
