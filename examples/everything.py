"""Find everything in the first frame of a video, and follow the largest of it to the end.

python examples/everything.py clip.mp4 out                     # MobileSAM's weights are downloaded (41 MB)
python examples/everything.py clip.mp4 out mobile_sam.pt       # or are already here
"""

import sys

import numpy as np

from sampt import ProposalSettings, QueryPoints, SamPt, Video, propose, save


def main(path: str, folder: str, checkpoint: str = "") -> None:
    overrides = ["segmenter.name=mobile-sam", "tracker.name=dis", "prompting.refinements=1"]
    if checkpoint:
        overrides.append(f"segmenter.checkpoint={checkpoint}")
    model = SamPt.from_config("sam_pt", overrides)
    with Video(path) as video:
        proposals = propose(video[0], model.segmenter, ProposalSettings(points_per_side=8))
        largest = sorted(proposals, key=lambda proposal: -proposal.area)[:5]
        labels = np.zeros(video.size, np.uint8)
        for number, proposal in enumerate(largest, start=1):  # smaller ones lie on top of larger ones
            labels[proposal.mask] = number
        print(f"masks in the first frame: {len(proposals)}; tracked: {len(largest)}")
        save(model.stream(video, QueryPoints.from_masks(labels)), folder, overwrite=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
