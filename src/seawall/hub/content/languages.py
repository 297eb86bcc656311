"""English names for the codes by which the detector names the language of a post.

They are ISO 639 codes as Wikipedia's editions bear them, for the identifier learnt from those (fastText's lid.176): `als` is Alemannic,
`bh` Bihari. Django names about half of them; the table below names the others.
"""

from __future__ import annotations

from typing import Final

from django.utils.translation import get_language_info

UNDETERMINED: Final = "und"
"""The code for “nobody can tell” (ISO 639-3)."""

_NAMES: Final = {
    "als": "Alemannic German", "am": "Amharic", "an": "Aragonese", "arz": "Egyptian Arabic", "as": "Assamese", "av": "Avar",
    "azb": "South Azerbaijani", "ba": "Bashkir", "bar": "Bavarian", "bcl": "Central Bikol", "bh": "Bihari", "bo": "Tibetan",
    "bpy": "Bishnupriya Manipuri", "bxr": "Buryat", "cbk": "Chavacano", "ce": "Chechen", "ceb": "Cebuano", "co": "Corsican",
    "cv": "Chuvash", "diq": "Zazaki", "dty": "Doteli", "dv": "Dhivehi", "eml": "Emilian-Romagnol", "frr": "North Frisian",
    "gn": "Guarani", "gom": "Goan Konkani", "gu": "Gujarati", "gv": "Manx", "hif": "Fiji Hindi", "ht": "Haitian Creole",
    "ie": "Interlingue", "ilo": "Ilocano", "jbo": "Lojban", "jv": "Javanese", "krc": "Karachay-Balkar", "ku": "Kurdish", "kv": "Komi",
    "kw": "Cornish", "la": "Latin", "lez": "Lezgian", "li": "Limburgish", "lmo": "Lombard", "lo": "Lao", "lrc": "Northern Luri",
    "mai": "Maithili", "mg": "Malagasy", "mhr": "Meadow Mari", "min": "Minangkabau", "mrj": "Hill Mari", "mt": "Maltese",
    "mwl": "Mirandese", "myv": "Erzya", "mzn": "Mazanderani", "nah": "Nahuatl", "nap": "Neapolitan", "nds": "Low German", "new": "Newar",
    "oc": "Occitan", "or": "Odia", "pam": "Kapampangan", "pfl": "Palatine German", "pms": "Piedmontese", "pnb": "Western Punjabi",
    "ps": "Pashto", "qu": "Quechua", "rm": "Romansh", "rue": "Rusyn", "sa": "Sanskrit", "sah": "Sakha", "sc": "Sardinian",
    "scn": "Sicilian", "sco": "Scots", "sd": "Sindhi", "sh": "Serbo-Croatian", "si": "Sinhala", "so": "Somali", "su": "Sundanese",
    "tl": "Tagalog", "tyv": "Tuvan", "vec": "Venetian", "vep": "Veps", "vls": "West Flemish", "vo": "Volapük", "wa": "Walloon",
    "war": "Waray", "wuu": "Wu Chinese", "xal": "Kalmyk", "xmf": "Mingrelian", "yi": "Yiddish", "yo": "Yoruba", "yue": "Cantonese",
    "zh": "Chinese",
}  # fmt: skip


def language_name(code: str) -> str | None:
    """The language's name in English, such as `Welsh` for `cy`; None for a code that nobody named here."""
    if code in _NAMES:
        return _NAMES[code]
    try:
        return str(get_language_info(code)["name"])
    except KeyError:
        return None
