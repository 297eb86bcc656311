"""The hub as a labeler of the AT Protocol: what communities publish as labels, and take back."""
