"""`python -m sample` generates the sample retailer's feeds."""

from sample.generate import main

main()
