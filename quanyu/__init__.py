"""The library: the grammar of declarations, and the engines that execute them."""
