"""Codes in settings: regions of telephone numbers, and currencies of ISO 4217."""

from __future__ import annotations

from quanyu.errors import nearest

_CODES = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
    CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG
    HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA
    MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD
    RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
    USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
_CURRENCIES = frozenset(_CODES.split())
# Common mistakes for a code.
_MEANT = {"RMB": "CNY", "CNH": "CNY", "NTD": "TWD", "STG": "GBP", "UK": "GB", "EN": "GB", "EL": "GR"}


def region(code: str) -> str:
    """Return the code of a region. Raises ValueError, with the nearest code, for an unknown one."""
    # Imported here, since its tables take as long to load as the whole command line.
    from phonenumbers import SUPPORTED_REGIONS

    return _one_of(code, SUPPORTED_REGIONS, "region of ISO 3166, such as CN or GB")


def currency(code: str) -> str:
    """Return the code of a currency. Raises ValueError, with the nearest code, for an unknown one."""
    return _one_of(code, _CURRENCIES, "currency of ISO 4217, such as CNY or EUR")


def _one_of(code: str, codes: frozenset[str] | set[str], what: str) -> str:
    if code in codes:
        return code
    meant = _MEANT.get(code) or (code.upper() if code.upper() in codes else None)
    near = nearest(code, sorted(codes))
    hint = f"did you mean {meant!r}?" if meant else near if near.startswith("did") else ""
    raise ValueError(f"no {what}{f'; {hint}' if hint else ''}")
