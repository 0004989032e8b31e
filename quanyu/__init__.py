"""The library: the grammar of declarations and the engines that carry them out."""
