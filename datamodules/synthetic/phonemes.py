"""The sounds of an English-like language: how each is made in the vocal tract, and what the mouth does meanwhile.

Formants are those of an adult man's vocal tract of 17.5 cm (after Peterson and Barney, 1952, and Klatt, 1980);
`Voice.tract` scales them.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["pause", "vowel", "glide", "nasal", "fricative", "stop", "affricate", "aspirate"]

# The fifteen classes of most viseme sets; their order is that of the `viseme` track.
VISEMES = ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "ih", "oh", "ou")


@dataclass(frozen=True)
class Phoneme:
    """One sound.

    formants: F1 to F3 in Hz; where a consonant is closed, its locus: what the neighbours' formants point at;
    glide_to: the formants at the end of a diphthong;
    seconds: usual duration; voiced: whether the vocal folds swing; loud: of the voice, 0 to 1;
    noise: centre and bandwidth in Hz and loudness of the noise made at a narrowing or a release;
    leans: how far F2 of a consonant leans to that of its vowel, 0 to 1.
    """

    symbol: str
    kind: Kind
    viseme: str
    formants: tuple[float, float, float]
    seconds: float
    voiced: bool = True
    loud: float = 1.0
    glide_to: tuple[float, float, float] | None = None
    noise: tuple[float, float, float] | None = None
    leans: float = 0.4

    @property
    def closes_lips(self) -> bool:
        """Whether the lips must meet."""
        return self.viseme == "PP"


def _vowel(
    symbol: str,
    viseme: str,
    f1: float,
    f2: float,
    f3: float,
    seconds: float,
    to: tuple[float, float, float] | None = None,
) -> Phoneme:
    return Phoneme(symbol, "vowel", viseme, (f1, f2, f3), seconds, glide_to=to)


_LABIAL, _ALVEOLAR, _VELAR = (250.0, 850.0, 2200.0), (250.0, 1750.0, 2650.0), (250.0, 1900.0, 2250.0)
_S, _SH, _F, _TH = (6100.0, 1900.0, 0.8), (2900.0, 1100.0, 0.75), (4200.0, 5000.0, 0.22), (5200.0, 4000.0, 0.16)
_P_BURST, _T_BURST, _K_BURST = (900.0, 1500.0, 0.35), (4000.0, 1800.0, 0.7), (1800.0, 700.0, 0.6)

_ALL = (
    Phoneme("SIL", "pause", "sil", (500.0, 1500.0, 2500.0), 0.3, voiced=False, loud=0.0),
    _vowel("IY", "ih", 280, 2250, 2900, 0.105),
    _vowel("IH", "ih", 400, 1950, 2550, 0.075),
    _vowel("EH", "E", 550, 1800, 2480, 0.095),
    _vowel("AE", "aa", 680, 1700, 2410, 0.130),
    _vowel("AA", "aa", 730, 1150, 2440, 0.130),
    _vowel("AO", "oh", 580, 880, 2410, 0.120),
    _vowel("UH", "ou", 440, 1050, 2240, 0.075),
    _vowel("UW", "ou", 310, 900, 2240, 0.110),
    _vowel("AH", "aa", 620, 1200, 2390, 0.090),
    _vowel("AX", "E", 500, 1450, 2450, 0.055),
    _vowel("ER", "RR", 480, 1350, 1690, 0.110),
    _vowel("EY", "E", 490, 2000, 2600, 0.130, (320, 2200, 2750)),
    _vowel("AY", "aa", 720, 1250, 2450, 0.150, (390, 2000, 2550)),
    _vowel("OW", "oh", 530, 950, 2400, 0.135, (370, 830, 2300)),
    _vowel("AW", "aa", 730, 1300, 2400, 0.150, (420, 900, 2300)),
    _vowel("OY", "oh", 540, 880, 2400, 0.155, (380, 1950, 2500)),
    Phoneme("W", "glide", "ou", (290, 680, 2200), 0.065, loud=0.6),
    Phoneme("Y", "glide", "ih", (270, 2200, 3000), 0.055, loud=0.6),
    Phoneme("R", "glide", "RR", (330, 1150, 1500), 0.065, loud=0.65),
    Phoneme("L", "glide", "nn", (360, 1150, 2750), 0.065, loud=0.6),
    Phoneme("M", "nasal", "PP", (260, 1000, 2200), 0.075, loud=0.5),
    Phoneme("N", "nasal", "nn", (260, 1600, 2600), 0.065, loud=0.5),
    Phoneme("NG", "nasal", "kk", (260, 1950, 2350), 0.070, loud=0.45),
    Phoneme("F", "fricative", "FF", (300, 1050, 2250), 0.090, voiced=False, loud=0.0, noise=_F, leans=0.5),
    Phoneme("V", "fricative", "FF", (300, 1050, 2250), 0.065, loud=0.4, noise=(*_F[:2], 0.10), leans=0.5),
    Phoneme("TH", "fricative", "TH", (300, 1350, 2550), 0.085, voiced=False, loud=0.0, noise=_TH),
    Phoneme("DH", "fricative", "TH", (300, 1350, 2550), 0.050, loud=0.4, noise=(*_TH[:2], 0.08)),
    Phoneme("S", "fricative", "SS", (300, 1700, 2650), 0.100, voiced=False, loud=0.0, noise=_S),
    Phoneme("Z", "fricative", "SS", (300, 1700, 2650), 0.075, loud=0.35, noise=(*_S[:2], 0.4)),
    Phoneme("SH", "fricative", "CH", (300, 1850, 2400), 0.105, voiced=False, loud=0.0, noise=_SH),
    Phoneme("ZH", "fricative", "CH", (300, 1850, 2400), 0.075, loud=0.35, noise=(*_SH[:2], 0.35)),
    Phoneme("HH", "aspirate", "kk", (500, 1500, 2500), 0.060, voiced=False, loud=0.0, leans=1.0),
    Phoneme("P", "stop", "PP", _LABIAL, 0.095, voiced=False, loud=0.0, noise=_P_BURST, leans=0.55),
    Phoneme("B", "stop", "PP", _LABIAL, 0.075, loud=0.12, noise=(*_P_BURST[:2], 0.25), leans=0.55),
    Phoneme("T", "stop", "DD", _ALVEOLAR, 0.085, voiced=False, loud=0.0, noise=_T_BURST),
    Phoneme("D", "stop", "DD", _ALVEOLAR, 0.065, loud=0.12, noise=(*_T_BURST[:2], 0.45)),
    Phoneme("K", "stop", "kk", _VELAR, 0.090, voiced=False, loud=0.0, noise=_K_BURST, leans=0.8),
    Phoneme("G", "stop", "kk", _VELAR, 0.070, loud=0.12, noise=(*_K_BURST[:2], 0.4), leans=0.8),
    Phoneme("CH", "affricate", "CH", (250, 1850, 2500), 0.125, voiced=False, loud=0.0, noise=_SH),
    Phoneme("JH", "affricate", "CH", (250, 1850, 2500), 0.100, loud=0.12, noise=(*_SH[:2], 0.45)),
)
PHONEMES = {phoneme.symbol: phoneme for phoneme in _ALL}
