"""The catalogue: everything declared, to be listed, searched and written as pages."""
