"""bank-accounts: accounts at the banks of `banks`, with IBANs that are well formed and lead nowhere."""

from __future__ import annotations

from collections.abc import Callable
from string import ascii_uppercase
from typing import ClassVar

import numpy as np
import polars as pl

from pools.builtin.base import BuiltinPool, builtin_pools, data_lines
from pools.builtin.seeded import Draws, taken

OF_EACH = 1_000
"""How many accounts there are of each country."""

_ACCOUNTS = 10**9
_AS_NUMBERS = {ord(letter): str(number) for number, letter in enumerate(ascii_uppercase, start=10)}
_FIRST_OPENED, _OPENED_DAYS = 10_957, 9_400  # 2000-01-01 and almost 26 years


@builtin_pools.register("bank-accounts")
class BankAccounts(BuiltinPool):
    """A thousand accounts of each country; `number` counts them there, so that it is a key beside a filter by country.

    The bank codes in the IBANs are given to nobody; check digits are right (ISO 13616, and national ones).
    """

    description: ClassVar[str] = "bank accounts with IBAN and BIC at invented banks"
    content_hash: ClassVar[str] = "ccc85d38b4425eac8acb76755c4b8e2d"

    @classmethod
    def records(cls) -> pl.DataFrame:
        banks = data_lines("banks.csv")
        draws = Draws(cls.kind, OF_EACH * len(_NATIONAL))
        country = np.repeat(np.arange(len(_NATIONAL)), OF_EACH)
        place = np.choose(
            country,
            [
                draws.places("bank", [float(line[5]) if line[1] == code else 0.0 for line in banks])
                for code in _NATIONAL
            ],
        )
        accounts = draws.below("account", _ACCOUNTS)
        ibans = [
            _iban(banks[bank][1], banks[bank][3], account)
            for bank, account in zip(place.tolist(), accounts.tolist(), strict=True)
        ]
        return pl.DataFrame(
            {
                "number": np.tile(np.arange(1, OF_EACH + 1, dtype=np.int64), len(_NATIONAL)),
                "iban": ibans,
                "bic": taken([line[2] for line in banks], place),
                "bank": taken([line[0] for line in banks], place),
                "country": taken([line[1] for line in banks], place),
                "currency": taken([line[4] for line in banks], place),
                "openedOn": pl.Series((_FIRST_OPENED + draws.below("opened", _OPENED_DAYS)).astype(np.int32)).cast(
                    pl.Date
                ),
            }
        )


def _iban(country: str, bank: str, account: int) -> str:
    rest = _NATIONAL[country](bank, account)
    return f"{country}{98 - _remainder(f'{rest}{country}00'):02d}{rest}"


def _remainder(text: str) -> int:
    """By 97, with letters read as 10 to 35 (ISO 7064)."""
    return int(text.translate(_AS_NUMBERS)) % 97


def _french(bank: str, account: int) -> str:
    branch = f"{account % 89 + 1:05d}"
    key = 97 - (89 * int(bank) + 15 * int(branch) + 3 * account) % 97
    return f"{bank}{branch}{account:011d}{key:02d}"


def _spanish(bank: str, account: int) -> str:
    branch = f"{account % 97 + 1:04d}"
    return f"{bank}{branch}{_spanish_digit(f'00{bank}{branch}')}{_spanish_digit(f'{account:010d}')}{account:010d}"


def _spanish_digit(digits: str) -> int:
    check = 11 - sum(int(digit) << place for place, digit in enumerate(digits)) % 11
    return {11: 0, 10: 1}.get(check, check)


_NATIONAL: dict[str, Callable[[str, int], str]] = {
    "DE": lambda bank, account: f"{bank}{account:010d}",
    "FR": _french,
    "ES": _spanish,
    "GB": lambda bank, account: f"{bank}0000{account % 97:02d}{account % 10**8:08d}",  # no sort code begins with 0000
    "PL": lambda bank, account: f"{bank}{account:016d}",
}
