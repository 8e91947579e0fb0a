"""From training runs to the talk about them."""
