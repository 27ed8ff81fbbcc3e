"""user-agents: what browsers, apps and crawlers say of themselves."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from pools.builtin.base import BuiltinPool, builtin_pools

_WINDOWS, _MAC = "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7"
_LINUX, _ANDROID = "X11; Linux x86_64", "Linux; Android 10; K"
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_DESKTOPS = (("Windows", "10", _WINDOWS, 68), ("macOS", "10.15.7", _MAC, 24), ("Linux", None, _LINUX, 8))
_CHROMES = {143: 46, 142: 26, 141: 10, 140: 6, 138: 4, 131: 3, 109: 2}
"""Major versions of Chromium with their shares in percent; older ones are those of machines that get no newer."""
_FIREFOXES = {145: 44, 144: 24, 140: 20, 128: 8, 115: 4}
_SAFARIS = {"26.1": 40, "26.0": 16, "18.6": 26, "18.5": 8, "17.6": 6, "16.6": 4}
_CRAWLERS = (
    ("Googlebot", "2.1", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", 34),
    ("bingbot", "2.0", "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", 22),
    ("DuckDuckBot", "1.1", "DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)", 6),
    ("YandexBot", "3.0", "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", 10),
    ("curl", "8.9.1", "curl/8.9.1", 12),
    ("python-requests", "2.32.3", "python-requests/2.32.3", 9),
    ("Go-http-client", "2.0", "Go-http-client/2.0", 7),
)
_SHARES = {"chrome": 41, "mobile chrome": 24, "edge": 9, "firefox": 5, "safari": 5, "mobile safari": 14, "crawler": 4}
"""How much of all requests each family makes, in percent, roughly; within one, versions and systems have their own."""

Row = tuple[str, str, str, str, str | None, str, float]


@builtin_pools.register("user-agents")
class UserAgents(BuiltinPool):
    """Made from the forms that browsers use, which freeze most of what they say, and roughly from their shares."""

    description: ClassVar[str] = "user agents with browser, version, system and device, weighted"
    weight_column: ClassVar[str | None] = "weight"
    content_hash: ClassVar[str] = "9c18838193edcdedef303a13d8616366"

    @classmethod
    def records(cls) -> pl.DataFrame:
        columns = ["userAgent", "browser", "browserVersion", "os", "osVersion", "device", "weight"]
        return pl.DataFrame([*_desktop(), *_mobile(), *_crawlers()], schema=columns, orient="row")


def _desktop() -> list[Row]:
    rows: list[Row] = []
    for system, version, platform, share in _DESKTOPS:
        start = f"Mozilla/5.0 ({platform}) {_WEBKIT}"
        for chrome, part in _CHROMES.items():
            agent = f"{start} Chrome/{chrome}.0.0.0 Safari/537.36"
            rows.append((agent, "Chrome", str(chrome), system, version, "DESKTOP", _weight("chrome", share, part)))
            if system != "Linux":
                edge = f"{agent} Edg/{chrome}.0.0.0"
                rows.append((edge, "Edge", str(chrome), system, version, "DESKTOP", _weight("edge", share, part)))
        for firefox, part in _FIREFOXES.items():
            where = platform.replace("10_15_7", "10.15")
            agent = f"Mozilla/5.0 ({where}; rv:{firefox}.0) Gecko/20100101 Firefox/{firefox}.0"
            rows.append((agent, "Firefox", str(firefox), system, version, "DESKTOP", _weight("firefox", share, part)))
    for safari, part in _SAFARIS.items():
        agent = f"Mozilla/5.0 ({_MAC}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{safari} Safari/605.1.15"
        rows.append((agent, "Safari", safari, "macOS", "10.15.7", "DESKTOP", _weight("safari", 100, part)))
    return rows


def _mobile() -> list[Row]:
    rows: list[Row] = []
    for chrome, part in _CHROMES.items():
        for device, mobile, share in (("MOBILE", " Mobile", 94), ("TABLET", "", 6)):
            agent = f"Mozilla/5.0 ({_ANDROID}) {_WEBKIT} Chrome/{chrome}.0.0.0{mobile} Safari/537.36"
            rows.append((agent, "Chrome", str(chrome), "Android", "10", device, _weight("mobile chrome", share, part)))
    for safari, part in _SAFARIS.items():
        system = "18.7" if safari.startswith("26") else safari  # the system's version has been frozen since
        webkit = f"AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{safari} Mobile/15E148 Safari/604.1"
        for device, name, os, share in (
            ("MOBILE", "iPhone; CPU iPhone OS", "iOS", 92),
            ("TABLET", "iPad; CPU OS", "iPadOS", 8),
        ):
            agent = f"Mozilla/5.0 ({name} {system.replace('.', '_')} like Mac OS X) {webkit}"
            rows.append((agent, "Safari", safari, os, system, device, _weight("mobile safari", share, part)))
    return rows


def _crawlers() -> list[Row]:
    return [
        (agent, name, version, "Other", None, "CRAWLER", _weight("crawler", 100, part))
        for name, version, agent, part in _CRAWLERS
    ]


def _weight(family: str, *percents: int) -> float:
    """A share of all, in percent, rounded to four digits."""
    share = float(_SHARES[family])
    for percent in percents:
        share = share * percent / 100
    return round(share, 4)
