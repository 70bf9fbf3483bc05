"""Real languages: the 50 of XTREME-R, and others that intermediate data sets are in.

Family and script are common knowledge; the European / non-European coding is this project's own
("indigenous to Europe"). Rival codings exist (Afrikaans and the creoles took their words from
Europe, Turkish and Georgian live on its border), so a plan may name another one:
``[study] grouping``.
"""

from spaces.languages.row import ENCODERS, Group, Language

_MARKS = dict(zip("XBMA", ENCODERS, strict=True))


def _real(
    code: str, iso3: str, name: str, family: str, script: str, group: Group, seen: str
) -> Language:
    """A row; ``seen`` marks the encoders whose lists name the language, and has ``-`` for others.

    X: the 100 languages of XLM-R (fairseq, examples/xlmr). B: the 104 of cased multilingual BERT
    (google-research/bert, multilingual.md). M: the 48 that M-CLIP's captions were translated into
    (its model cards; translation/data/fine_tune_languages.csv). A: the 18 of AltCLIP-m18's card.
    """
    exposure = tuple(_MARKS[mark] for mark in seen if mark != "-")
    return Language(
        code=code,
        iso3=iso3,
        name=name,
        family=family,
        script=script,
        group=group,
        exposure=exposure,
    )


XTREME_R_LANGUAGES: tuple[Language, ...] = (
    _real("af", "afr", "Afrikaans", "IE: Germanic", "Latin", "non_european", "XBM-"),
    _real("ar", "ara", "Arabic", "Afro-Asiatic", "Arabic", "non_european", "XBMA"),
    _real("az", "aze", "Azerbaijani", "Turkic", "Latin", "non_european", "XBM-"),
    _real("bg", "bul", "Bulgarian", "IE: Slavic", "Cyrillic", "european", "XBM-"),
    _real("bn", "ben", "Bengali", "IE: Indo-Aryan", "Bengali", "non_european", "XBM-"),
    _real("de", "deu", "German", "IE: Germanic", "Latin", "european", "XBMA"),
    _real("el", "ell", "Greek", "IE: Greek", "Greek", "european", "XBM-"),
    _real("en", "eng", "English", "IE: Germanic", "Latin", "english", "XBMA"),
    _real("es", "spa", "Spanish", "IE: Romance", "Latin", "european", "XBMA"),
    _real("et", "est", "Estonian", "Uralic", "Latin", "european", "XBM-"),
    _real("eu", "eus", "Basque", "isolate", "Latin", "european", "XB--"),
    _real("fa", "pes", "Persian", "IE: Iranian", "Arabic", "non_european", "XB--"),
    _real("fi", "fin", "Finnish", "Uralic", "Latin", "european", "XB--"),
    _real("fr", "fra", "French", "IE: Romance", "Latin", "european", "XBMA"),
    _real("gu", "guj", "Gujarati", "IE: Indo-Aryan", "Gujarati", "non_european", "XB--"),
    _real("he", "heb", "Hebrew", "Afro-Asiatic", "Hebrew", "non_european", "XB--"),
    _real("hi", "hin", "Hindi", "IE: Indo-Aryan", "Devanagari", "non_european", "XBMA"),
    _real(
        "ht", "hat", "Haitian Creole", "Creole (French-lexified)", "Latin", "non_european", "-B--"
    ),
    _real("hu", "hun", "Hungarian", "Uralic", "Latin", "european", "XBM-"),
    _real("id", "ind", "Indonesian", "Austronesian", "Latin", "non_european", "XBM-"),
    _real("it", "ita", "Italian", "IE: Romance", "Latin", "european", "XBMA"),
    _real("ja", "jpn", "Japanese", "Japonic", "Kanji+Kana", "non_european", "XBMA"),
    _real("jv", "jav", "Javanese", "Austronesian", "Latin", "non_european", "XB--"),
    _real("ka", "kat", "Georgian", "Kartvelian", "Georgian", "non_european", "XB--"),
    _real("kk", "kaz", "Kazakh", "Turkic", "Cyrillic", "non_european", "XB--"),
    _real("ko", "kor", "Korean", "isolate (Koreanic)", "Hangul", "non_european", "XB-A"),
    _real("lt", "lit", "Lithuanian", "IE: Baltic", "Latin", "european", "XB--"),
    _real("ml", "mal", "Malayalam", "Dravidian", "Malayalam", "non_european", "XBM-"),
    _real("mr", "mar", "Marathi", "IE: Indo-Aryan", "Devanagari", "non_european", "XBM-"),
    _real("ms", "zsm", "Malay", "Austronesian", "Latin", "non_european", "XB--"),
    _real("my", "mya", "Burmese", "Sino-Tibetan", "Burmese", "non_european", "XB--"),
    _real("nl", "nld", "Dutch", "IE: Germanic", "Latin", "european", "XBMA"),
    _real("pa", "pan", "Punjabi", "IE: Indo-Aryan", "Gurmukhi", "non_european", "XB--"),
    _real("pl", "pol", "Polish", "IE: Slavic", "Latin", "european", "XBMA"),
    _real("pt", "por", "Portuguese", "IE: Romance", "Latin", "european", "XBMA"),
    _real("qu", "que", "Quechua", "Quechuan", "Latin", "non_european", "----"),
    _real("ro", "ron", "Romanian", "IE: Romance", "Latin", "european", "XBM-"),
    _real("ru", "rus", "Russian", "IE: Slavic", "Cyrillic", "european", "XBMA"),
    _real("sw", "swh", "Swahili", "Niger-Congo", "Latin", "non_european", "XBM-"),
    _real("ta", "tam", "Tamil", "Dravidian", "Tamil", "non_european", "XB--"),
    _real("te", "tel", "Telugu", "Dravidian", "Telugu", "non_european", "XBM-"),
    _real("th", "tha", "Thai", "Kra-Dai", "Thai", "non_european", "XB-A"),
    _real("tl", "tgl", "Tagalog", "Austronesian", "Latin", "non_european", "XBM-"),
    _real("tr", "tur", "Turkish", "Turkic", "Latin", "non_european", "XBMA"),
    _real("uk", "ukr", "Ukrainian", "IE: Slavic", "Cyrillic", "european", "XBMA"),
    _real("ur", "urd", "Urdu", "IE: Indo-Aryan", "Arabic", "non_european", "XBM-"),
    _real("vi", "vie", "Vietnamese", "Austro-Asiatic", "Latin", "non_european", "XBMA"),
    _real("wo", "wol", "Wolof", "Niger-Congo", "Latin", "non_european", "----"),
    _real("yo", "yor", "Yoruba", "Niger-Congo", "Latin", "non_european", "-B--"),
    _real("zh", "cmn", "Mandarin", "Sino-Tibetan", "Han (simpl.)", "non_european", "XBMA"),
)
"""All that occur in one of the benchmark's ten tasks (Ruder et al. 2021, arXiv 2104.07412)."""

# In intermediate data alone. AltCLIP-m18 names Chinese without its script and was trained on
# simplified text. `nah` and `oto` (AmericasNLI) are collective codes: ISO 639-3 has their varieties
# alone.
_OTHERS = (
    _real("am", "amh", "Amharic", "Afro-Asiatic", "Ethiopic", "non_european", "X-M-"),
    _real("ay", "aym", "Aymara", "Aymaran", "Latin", "non_european", "----"),
    _real("bbj", "bbj", "Ghomala", "Niger-Congo", "Latin", "non_european", "----"),
    _real("bem", "bem", "Bemba", "Niger-Congo", "Latin", "non_european", "----"),
    _real("bm", "bam", "Bambara", "Niger-Congo", "Latin", "non_european", "----"),
    _real("bzd", "bzd", "Bribri", "Chibchan", "Latin", "non_european", "----"),
    _real("cni", "cni", "Ashaninka", "Arawakan", "Latin", "non_european", "----"),
    _real("ee", "ewe", "Ewe", "Niger-Congo", "Latin", "non_european", "----"),
    _real("fon", "fon", "Fon", "Niger-Congo", "Latin", "non_european", "----"),
    _real("gn", "grn", "Guarani", "Tupian", "Latin", "non_european", "----"),
    _real("ha", "hau", "Hausa", "Afro-Asiatic", "Latin", "non_european", "X---"),
    _real("hch", "hch", "Wixarika", "Uto-Aztecan", "Latin", "non_european", "----"),
    _real("ig", "ibo", "Igbo", "Niger-Congo", "Latin", "non_european", "----"),
    _real("lg", "lug", "Luganda", "Niger-Congo", "Latin", "non_european", "----"),
    _real("luo", "luo", "Luo", "Nilo-Saharan", "Latin", "non_european", "----"),
    _real("mos", "mos", "Mossi", "Niger-Congo", "Latin", "non_european", "----"),
    _real("nah", "nah", "Nahuatl", "Uto-Aztecan", "Latin", "non_european", "----"),
    _real("ny", "nya", "Chichewa", "Niger-Congo", "Latin", "non_european", "----"),
    _real("oto", "oto", "Otomi", "Oto-Manguean", "Latin", "non_european", "----"),
    _real("pcm", "pcm", "Naija", "Creole (English-lexified)", "Latin", "non_european", "----"),
    _real("quy", "quy", "Ayacucho Quechua", "Quechuan", "Latin", "non_european", "----"),
    _real("rw", "kin", "Kinyarwanda", "Niger-Congo", "Latin", "non_european", "----"),
    _real("shp", "shp", "Shipibo-Konibo", "Panoan", "Latin", "non_european", "----"),
    _real("sn", "sna", "Shona", "Niger-Congo", "Latin", "non_european", "----"),
    _real("tar", "tar", "Raramuri", "Uto-Aztecan", "Latin", "non_european", "----"),
    _real("tn", "tsn", "Setswana", "Niger-Congo", "Latin", "non_european", "----"),
    _real("tw", "twi", "Twi", "Niger-Congo", "Latin", "non_european", "----"),
    _real("xh", "xho", "Xhosa", "Niger-Congo", "Latin", "non_european", "X-M-"),
    _real("zh-Hant", "cmn", "Mandarin", "Sino-Tibetan", "Han (trad.)", "non_european", "XBM-"),
    _real("zu", "zul", "Zulu", "Niger-Congo", "Latin", "non_european", "----"),
)

REAL_LANGUAGES: tuple[Language, ...] = XTREME_R_LANGUAGES + _OTHERS
"""The benchmark's first."""
