"""What listens: the receiver of webhooks and the loop that acts on them."""
