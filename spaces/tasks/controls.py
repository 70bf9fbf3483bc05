"""Real tasks that teach no skill of any target: what a gain must be compared with.

Rows with permuted labels and sentences with shuffled words are made from any other data set, by a
plan's own ``[[task]]`` rows: ``permuted = true``, or ``reader = "real_or_fake"``.
"""

from spaces.tasks.recurring import codes, row
from spaces.tasks.row import DataSet

CONTROLS = (
    # Whole articles. Each language that a plan names is fetched and read as a whole before a cap
    # draws from it, which is gigabytes of the largest.
    row(
        "wikipedia_text",
        "masked",
        "mlm",
        None,
        train_languages=codes(
            "af ar az bg bn de el en es et eu fa fi fr gu he hi ht hu id it ja jv ka kk ko lt ml "
            "mr ms my nl pa pl pt qu ro ru sw ta te th tl tr uk ur vi wo yo zh"
        ),
        dev_languages=(),
        origin="control",
        documents=("wikipedia",),
        data=DataSet(
            hub="wikimedia/wikipedia",
            folder="wikipedia",
            config="20231101.{language}",
            splits={"train": "train"},
            licence="CC-BY-SA-3.0",  # its card: and the GFDL
            commercial=True,
        ),
    ),
    # Emoji with their names as people gave them: pictures of 32 x 32 pixels.
    row(
        "emoji_captions",
        "captions",
        "captions",
        None,
        train_languages=codes(
            "af ar az bg bn de el en es et eu fa fi fr gu he hi hu id it ja jv ka kk ko lt ml mr "
            "ms my nl pa pl pt qu ro ru sw ta te th tl tr uk ur vi wo yo zh"
        ),
        origin="control",
        documents=("captions",),
        data=DataSet(
            folder="emoji_captions",
            config="noto_rgb32",
            columns={"text": "names", "image": "rgb", "item": "image_id"},
            reader="captions",
            licence="Apache-2.0 and OFL-1.1 (pictures), Unicode-3.0 (names)",
            commercial=True,
        ),
    ),
)
