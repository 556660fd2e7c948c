"""Korean words with what they say: honorific, plain and dialect endings, and common misspellings.

Spaces do not matter (`lexicon.korean`).
"""

from care_robot.care.intents_ko_answers import ANSWERS
from care_robot.care.intents_ko_danger import DANGER
from care_robot.care.intents_ko_fine import FINE
from care_robot.care.lexicon import korean

KO = korean({**DANGER, **FINE, **ANSWERS})
