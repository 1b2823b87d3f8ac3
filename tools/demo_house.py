"""What the demo restaurant serves, where people sit, what is on its shelf, and who works when."""

from dataclasses import dataclass
from typing import Any

from tools.demo import STAFF, Person

TAX: dict[str, Any] = {"name": "TVA 10 %", "rate": 10, "is_default": True}


@dataclass(frozen=True, slots=True)
class Dish:
    """Something on the menu, in dirhams, with what a portion takes of the shelf: quantity and unit by item."""

    name: str
    category: str
    price: str
    takes: tuple[tuple[str, int, str], ...] = ()
    recipe: str = ""


MENU = (
    Dish("Harira", "Entrées", "35.00"),
    Dish("Zaalouk", "Entrées", "30.00"),
    Dish("Briouats au fromage", "Entrées", "45.00"),
    Dish("Tajine d'agneau aux pruneaux", "Plats", "120.00", (("Agneau", 300, "g"), ("Huile d'olive", 20, "ml")),
         "Saisir l'agneau, mouiller, cuire deux heures à couvert, ajouter les pruneaux."),
    Dish("Couscous aux sept légumes", "Plats", "95.00", (("Semoule", 150, "g"), ("Huile d'olive", 15, "ml")),
         "Passer la semoule trois fois à la vapeur; cuire les légumes dans le bouillon."),
    Dish("Pastilla au poulet", "Plats", "110.00"),
    Dish("Brochettes de kefta", "Plats", "85.00"),
    Dish("Oranges à la cannelle", "Desserts", "30.00"),
    Dish("Cornes de gazelle", "Desserts", "40.00"),
    Dish("Thé à la menthe", "Boissons", "20.00"),
    Dish("Jus d'orange", "Boissons", "25.00"),
    Dish("Eau minérale", "Boissons", "15.00"),
)  # fmt: skip
TABLES = tuple((str(number), 2 if number <= 4 else 4 if number <= 8 else 6) for number in range(1, 11))
SUPPLIERS: tuple[dict[str, Any], ...] = (
    {"name": "Boucherie Al Amal", "contact_person": "Said Amrani", "phone": "+212522201010"},
    {"name": "Épicerie du Maârif", "contact_person": "Houda Tahiri", "phone": "+212522202020"},
)
# One of them is low, as one always is.
PANTRY: tuple[dict[str, Any], ...] = (
    {"name": "Agneau", "category": "Viandes", "unit": "kg", "current_stock": 18, "min_stock_level": 6,
     "cost_per_unit": 110, "supplier": "Boucherie Al Amal"},
    {"name": "Semoule", "category": "Épicerie", "unit": "kg", "current_stock": 25, "min_stock_level": 10,
     "cost_per_unit": 12, "supplier": "Épicerie du Maârif"},
    {"name": "Huile d'olive", "category": "Épicerie", "unit": "l", "current_stock": 4, "min_stock_level": 5,
     "cost_per_unit": 85, "supplier": "Épicerie du Maârif"},
    {"name": "Menthe", "category": "Frais", "unit": "kg", "current_stock": 2, "min_stock_level": 1,
     "cost_per_unit": 15, "supplier": "Épicerie du Maârif"},
)  # fmt: skip
ORDERS: tuple[tuple[tuple[str, int], ...], ...] = (
    (("Harira", 2), ("Tajine d'agneau aux pruneaux", 2), ("Thé à la menthe", 2)),
    (("Couscous aux sept légumes", 3), ("Jus d'orange", 3)),
    (("Pastilla au poulet", 1), ("Cornes de gazelle", 1), ("Thé à la menthe", 1)),
)
"""What was ordered and paid in cash; the last one is still at the table."""

Turn = tuple[str, str]
DAY, LUNCH, EVENING = ("10:00", "18:00"), ("11:00", "16:00"), ("16:00", "23:00")
TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(1, 7)
WEEK: tuple[tuple[Person, Turn, tuple[int, ...]], ...] = (
    (STAFF[0], EVENING, (TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY)),
    (STAFF[1], DAY, (TUESDAY, WEDNESDAY, FRIDAY, SATURDAY, SUNDAY)),
    (STAFF[2], EVENING, (WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY)),
    (STAFF[3], LUNCH, (THURSDAY, FRIDAY, SATURDAY, SUNDAY)),
    (STAFF[4], EVENING, (TUESDAY, THURSDAY, FRIDAY, SATURDAY)),
    (STAFF[5], EVENING, (TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY)),
    (STAFF[6], LUNCH, (WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY)),
    (STAFF[7], EVENING, (FRIDAY, SATURDAY, SUNDAY)),
    (STAFF[8], DAY, (TUESDAY, WEDNESDAY, THURSDAY, SATURDAY)),
    (STAFF[9], EVENING, (THURSDAY, FRIDAY, SATURDAY, SUNDAY)),
    (STAFF[10], LUNCH, (TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)),
)
"""Who works which hours on which days from Tuesday; the house is closed on Mondays."""
