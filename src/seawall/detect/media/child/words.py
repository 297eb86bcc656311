"""Words in pictures by rapidocr: the models lie in its package, and nothing is fetched."""

from __future__ import annotations

from io import BytesIO
from typing import Any, BinaryIO

import cv2
import numpy as np
from rapidocr import RapidOCR

from . import images

_MOST_WORDS = 2_000
_engine: Any = None


def prepare() -> None:
    """Load the models and read one drawn word, so that nothing has to be opened later."""
    global _engine
    images.prepare()
    cv2.setNumThreads(1)
    _engine = RapidOCR(
        params={
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Det.limit_type": "max",  # larger sheets are reduced to this; its own setting enlarges every small one to 736 at ten times the cost
            "Det.limit_side_len": 1280,
        }
    )
    sheet = np.full((64, 320, 3), 255, np.uint8)
    cv2.putText(sheet, "SEAWALL", (10, 45), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (0, 0, 0), 3)
    _engine(sheet)


def answer(_answers: BinaryIO, data: BytesIO, job: dict[str, Any]) -> dict[str, Any]:
    """The lines of words in the picture of the job, with their places and how sure each is."""
    (image, *_), told = images.first(data, job["format"], job)
    if min(image.size) < 8:
        return {"words": [], **told, "read_width": image.width, "read_height": image.height}
    found = _engine(np.asarray(image)[:, :, ::-1].copy())
    words = []
    if found.txts is not None:
        for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True):
            words.append(
                [str(text)[:500], round(float(score), 4), [[round(float(x), 1), round(float(y), 1)] for x, y in box]]
            )
    return {"words": words[:_MOST_WORDS], **told, "read_width": image.width, "read_height": image.height}
