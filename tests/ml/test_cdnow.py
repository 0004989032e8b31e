"""What others published of CDNOW and Online Retail is measured again."""

import pytest

from benchmarks import cdnow


@pytest.mark.skipif(
    not (cdnow.DATA / "cdnow").exists(), reason=f"no CDNOW data at {cdnow.DATA}; QUANYU_DATA names its folder"
)
@pytest.mark.parametrize(
    "figures", [cdnow.sample_figures, cdnow.master_figures, cdnow.retail_figures, cdnow.next_purchase_figures]
)
def test_figures_are_as_published(figures):
    assert [figure for figure in figures() if not figure.met] == []
