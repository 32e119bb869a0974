"""Generated scene for visitors without a video."""

from __future__ import annotations

from sampt.synthetic.scene import SyntheticScene
from sampt.video.writer import VideoWriter

from .workspace import Workspace


def demo_scene() -> SyntheticScene:
    """Scene of three objects that cross, the same for each call."""
    return SyntheticScene(frames=60, height=360, width=640)


def open_demo(workspace: Workspace) -> None:
    """Write the scene as a video into the visitor's folder, and open it."""
    scene = demo_scene()
    with workspace.arriving(".mp4") as path:
        with VideoWriter(path, scene.fps, scene.size) as writer:
            for frame in scene:
                writer.write(frame)
        workspace.open(path, "generated scene")
